/** The text of docs/errors.md, made from the table. */
import type { Entry } from './codes/entry.ts'
import { EXIT } from './sync-error.ts'
import { SUBJECTS } from './table.ts'

const ABOUT = `# Errors

Each message of scopestack-sync ends with a code in parentheses: on screen, in the log, in alerts, in \`status\`, and with
each change. The code stays the same in all versions, so alerts and scripts can match on it; the words may change. In JSON
it is the member \`code\`.

The last line of each entry says:

- **Ends**: how far the failure reaches. _the run_: the run or the command. _the resource_: that resource fails, and the
  run continues with the others. _the record_: one record or one local edit, and everything else continues. _nothing_: it
  is a notice.
- **Then**: what happens next. _retried_: at once, with growing pauses, and it counts as failed after the last attempt.
  _tried later_: without counting an attempt. _parked_: a local edit waits for a person's decision (\`changes list\`).
  _stays_: until a person has removed the cause.
- **Exit**: the exit code of a command that this ended, or that finished with it (${EXIT.notAllOk}). \`start\` logs its
  errors and keeps running, except where it cannot begin before a person has removed the cause.

This file is generated from \`src/errors/codes/\`: \`npm run errors:docs\`.
`

const ENDS = { run: 'the run', resource: 'the resource', record: 'the record', notice: 'nothing' } as const
const THEN = { retry: 'retried', wait: 'tried later', park: 'parked', stop: 'stays' } as const

export function errorsDocs(): string {
  const sections = Object.entries(SUBJECTS).map(
    ([subject, entries]) => `\n## ${subject}\n${Object.entries<Entry>(entries).map(textOf).join('')}`,
  )
  return ABOUT + sections.join('')
}

function textOf([code, entry]: [string, Entry]): string {
  const { scope, remedy, meaning, action } = entry
  const then = [remedy].flat().map((one) => THEN[one])
  const facts = [`Ends: ${ENDS[scope]}`, `Then: ${then.join(' or ')}`, ...exitOf(entry).map((exit) => `Exit: ${exit}`)]
  return `\n### ${code}\n\n${meaning}\n\nWhat to do: ${action}\n\n${facts.join(' · ')}\n`
}

/** A notice ends no command. */
function exitOf({ scope, exit }: Entry): number[] {
  if (scope === 'notice') return []
  return [EXIT[exit ?? (scope === 'run' ? 'failed' : 'notAllOk')]]
}
