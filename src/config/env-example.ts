/** The text of `.env.example`; a unit test holds the file to it. */
import { VARIABLES, type Variable } from './variables.ts'

export function envExample(): string {
  const lines = ['# Settings of scopestack-sync. Copy to .env and fill in; lines that stay empty keep their default.']
  let group = ''
  for (const [name, variable] of Object.entries<Variable>(VARIABLES)) {
    if (variable.group !== group) lines.push('', `# --- ${variable.group} ---`)
    group = variable.group
    lines.push('', `# ${variable.about}${variable.required ? ' Required.' : ''}`)
    if (variable.secret) lines.push(`# ${name}_FILE names a file that holds it instead.`)
    lines.push(variable.required || variable.example === '' ? `${name}=` : `# ${name}=${variable.example}`)
  }
  return `${lines.join('\n')}\n`
}
