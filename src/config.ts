/**
 * The only reader of the environment. One table declares every variable; parsing, `.env.example` and the help text are
 * made from it. All mistakes are reported at once (exit 78).
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { configInvalid } from './errors.ts'
import { reason } from './sync-error.ts'

export interface Config {
  readonly clientId: string
  readonly clientSecret: string
  readonly authUrl: string
  readonly apiUrl: string
  /** Undefined: an embedded Postgres in `.scopestack-sync/`. */
  readonly databaseUrl: string | undefined
  /** Types to pull, undefined for all that are on by default. */
  readonly resources: readonly string[] | undefined
  /** Requests a second, 0 for no limit. */
  readonly rate: number
  /** Pages in flight. */
  readonly concurrency: number
  readonly pageSize: number
  readonly logLevel: (typeof LOG_LEVELS)[number]
  readonly production: boolean
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

interface Variable {
  readonly group: string
  readonly about: string
  readonly schema: z.ZodType
  readonly example: string
  /** Needed only by commands that speak to ScopeStack. */
  readonly required?: boolean
  /** Also read from the file named by `NAME_FILE` (Docker and Kubernetes secrets). */
  readonly secret?: boolean
}

const number = (minimum: number, maximum: number, whole: boolean) =>
  z
    .string()
    .regex(whole ? /^\d+$/ : /^\d+(\.\d+)?$/, `must be ${whole ? 'a whole number' : 'a number'}`)
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, `must be between ${minimum} and ${maximum}`)

const scopeStackUrl = z
  .string()
  .transform((value, context) => {
    if (URL.canParse(value)) return new URL(value)
    context.addIssue('must be an address such as https://api.scopestack.io')
    return z.NEVER
  })
  // A token sent over plain http can be read on the way; a simulator on this machine has no way to be listened on.
  .refine((url) => url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)), {
    error: 'must begin with https:// (http:// is allowed for this machine only)',
  })
  .refine((url) => url.pathname === '/' && url.search === '' && url.username === '', 'must have no path, query or user')
  .transform((url) => url.origin)

const isLoopback = (host: string): boolean => host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host)

const VARIABLES = {
  SCOPESTACK_CLIENT_ID: {
    group: 'ScopeStack',
    about: 'Client id of the service account (Settings → Users → the service user → client credentials).',
    schema: z.string(),
    example: '',
    required: true,
  },
  SCOPESTACK_CLIENT_SECRET: {
    group: 'ScopeStack',
    about: 'Its client secret.',
    schema: z.string(),
    example: '',
    required: true,
    secret: true,
  },
  SCOPESTACK_AUTH_URL: {
    group: 'ScopeStack',
    about: 'Where tokens are issued.',
    schema: scopeStackUrl.default('https://app.scopestack.io'),
    example: 'https://app.scopestack.io',
  },
  SCOPESTACK_API_URL: {
    group: 'ScopeStack',
    about: 'Where the API answers.',
    schema: scopeStackUrl.default('https://api.scopestack.io'),
    example: 'https://api.scopestack.io',
  },
  DATABASE_URL: {
    group: 'Postgres',
    about:
      'postgres://user:password@host:5432/database. Empty: an embedded Postgres in .scopestack-sync/ (not with NODE_ENV=production).',
    schema: z
      .string()
      .regex(/^postgres(ql)?:\/\/[^/]+\/[^/]+$/, 'must look like postgres://user:password@host:5432/database')
      .optional(),
    example: '',
    secret: true,
  },
  SYNC_RESOURCES: {
    group: 'Sync',
    about: 'What to pull, by type and comma separated (clients,projects). Empty: everything that is on by default.',
    schema: z
      .string()
      .transform((value) =>
        value
          .split(',')
          .map((type) => type.trim())
          .filter((type) => type !== ''),
      )
      .optional(),
    example: '',
  },
  SYNC_RATE: {
    group: 'Sync',
    about: 'Requests a second at most; 0 for no limit. ScopeStack publishes no figure, so the default is careful.',
    schema: number(0, 1000, false).default(5),
    example: '5',
  },
  SYNC_CONCURRENCY: {
    group: 'Sync',
    about: 'Pages in flight at once.',
    schema: number(1, 64, true).default(4),
    example: '4',
  },
  SYNC_PAGE_SIZE: {
    group: 'Sync',
    about: 'Records a page, at most 250. A size that the server refuses is lowered by itself.',
    schema: number(1, 250, true).default(100),
    example: '100',
  },
  LOG_LEVEL: {
    group: 'Process',
    about: `One of ${LOG_LEVELS.join(', ')}.`,
    schema: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
    example: 'info',
  },
} satisfies Record<string, Variable>

type Name = keyof typeof VARIABLES
type Values = { [N in Name]: z.output<(typeof VARIABLES)[N]['schema']> }

/**
 * @param credentials whether the command speaks to ScopeStack; without it the client id and secret may be missing.
 * @throws SyncError SYNC_CONFIG with every mistake.
 */
export function readConfig(
  { credentials }: { credentials: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): Config {
  const mistakes = misspelt(env)
  const values: Record<string, unknown> = {}
  for (const [name, variable] of Object.entries<Variable>(VARIABLES)) {
    const given = read(name, variable, env, mistakes)
    if (given === undefined && variable.required === true) {
      if (credentials) mistakes.push(`${name} is missing. ${variable.about}`)
      continue
    }
    const parsed = variable.schema.safeParse(given)
    if (parsed.success) values[name] = parsed.data
    // The value itself is not shown: it may be a secret pasted into the wrong line.
    else mistakes.push(`${name} ${parsed.error.issues.map((issue) => issue.message).join(', ')}.`)
  }
  const production = env['NODE_ENV'] === 'production'
  if (production && values['DATABASE_URL'] === undefined && !mistakes.some((line) => line.startsWith('DATABASE_URL'))) {
    mistakes.push('DATABASE_URL is missing. The embedded Postgres is for trying out, not for NODE_ENV=production.')
  }
  if (mistakes.length > 0) throw configInvalid(mistakes)
  return toConfig(values as Values, production)
}

const toConfig = (values: Values, production: boolean): Config => ({
  clientId: values.SCOPESTACK_CLIENT_ID ?? '',
  clientSecret: values.SCOPESTACK_CLIENT_SECRET ?? '',
  authUrl: values.SCOPESTACK_AUTH_URL,
  apiUrl: values.SCOPESTACK_API_URL,
  databaseUrl: values.DATABASE_URL,
  resources: values.SYNC_RESOURCES,
  rate: values.SYNC_RATE,
  concurrency: values.SYNC_CONCURRENCY,
  pageSize: values.SYNC_PAGE_SIZE,
  logLevel: values.LOG_LEVEL,
  production,
})

/** An empty line in an env file means "not set". */
function read(
  name: string,
  variable: Variable,
  env: Readonly<Record<string, string | undefined>>,
  mistakes: string[],
): string | undefined {
  const direct = env[name]?.trim() || undefined
  const file = variable.secret === true ? env[`${name}_FILE`] || undefined : undefined
  if (file === undefined) return direct
  if (direct !== undefined) mistakes.push(`${name} and ${name}_FILE are both set. Remove one of them.`)
  try {
    const content = readFileSync(file, 'utf8').trim()
    if (content === '') mistakes.push(`${name}_FILE names ${file}, which is empty.`)
    return content || undefined
  } catch (error) {
    mistakes.push(`${name}_FILE cannot be read: ${reason(error)}.`)
    return undefined
  }
}

/** A misspelt name would be ignored in silence, every night, for years. */
function misspelt(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(
    Object.entries<Variable>(VARIABLES).flatMap(([name, { secret }]) => (secret ? [name, `${name}_FILE`] : [name])),
  )
  return Object.keys(env)
    .filter((name) => /^(SYNC|SCOPESTACK)_/.test(name) && !known.has(name))
    .map((name) => `${name} is not a setting. The settings are in .env.example.`)
}

/** The text of `.env.example`; a unit test holds the file to it. */
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
