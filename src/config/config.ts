/**
 * The only reader of the environment. One table declares every variable; parsing follows from it, and `.env.example`
 * (env-example.ts). All mistakes are reported at once (exit 78).
 */
import { readFileSync } from 'node:fs'
import { configInvalid } from '../errors/commands.ts'
import { factOf, reason } from '../errors/sync-error.ts'
import { alertMistakes, alertSettings, type AlertSettings } from './alerting.ts'
import { readEnvFile } from './env-file.ts'
import type { DashboardTokens } from './kinds.ts'
import { misspelt } from './misspelt.ts'
import type { Proxy } from './proxy.ts'
import { VARIABLES, type GRANTS, type LOG_LEVELS, type Variable } from './variables.ts'

export interface Config {
  readonly clientId: string
  readonly clientSecret: string
  readonly grant: (typeof GRANTS)[number]
  /** Of the grant `password`. */
  readonly username: string | undefined
  readonly password: string | undefined
  readonly authUrl: string
  readonly apiUrl: string
  /** Undefined: an embedded Postgres in `.scopestack-sync/`. */
  readonly databaseUrl: string | undefined
  /** Types to pull, undefined for all that are on by default. */
  readonly resources: readonly string[] | undefined
  /** Requests a second, 0 for no limit. */
  readonly rate: number
  /** Requests in flight, at most. */
  readonly concurrency: number
  readonly sharePages: number
  readonly pageSize: number
  /** Percent of a table's rows that one run may mark deleted. */
  readonly deleteLimit: number
  /** Days for which an unchanged ETag is enough proof that a page is unchanged. */
  readonly recheckDays: number
  /** Whether members that no file declares become columns by themselves. */
  readonly newFields: 'add' | 'report'
  /** Undefined: the queue is kept in Postgres. */
  readonly redisUrl: string | undefined
  /** Types whose history is recorded, or `all`, or `off`. */
  readonly history: readonly string[]
  /** Days for which a version is kept; 0: for ever. */
  readonly historyDays: number
  /** Cron patterns, or `off`; jobs/schedule.ts checks them. */
  readonly schedule: string
  readonly incrementalSchedule: string
  readonly timezone: string
  readonly graceSeconds: number
  readonly takeoverSeconds: number
  readonly httpHost: string
  readonly httpPort: number | undefined
  /** Undefined: the dashboard is served to this machine alone. */
  readonly dashboardTokens: DashboardTokens | undefined
  readonly push: 'on' | 'off'
  /** Rules by resource or member; sync/push/conflict-rules.ts checks them. */
  readonly conflict: string | undefined
  readonly alerts: AlertSettings
  /** Undefined: none. */
  readonly proxy: Proxy | undefined
  /** Undefined: no traces. */
  readonly otlpEndpoint: string | undefined
  readonly logLevel: (typeof LOG_LEVELS)[number]
  readonly production: boolean
}

type Name = keyof typeof VARIABLES
export type SettingName = Name
type Values = { [N in Name]: (typeof VARIABLES)[N]['kind']['absent'] }

/** A check of settings that needs the catalog or cron: throws SYNC_CONFIG with every mistake. A setting that is wrong in itself is undefined there. */
export type Check = (config: Partial<Config>) => void

interface Wanted {
  /** Whether the command connects to ScopeStack; without it the client id and secret may be missing. */
  readonly credentials: boolean
  readonly checks?: readonly Check[]
}

type Env = Readonly<Record<string, string | undefined>>

/** @throws SyncError SYNC_CONFIG with every mistake. */
export function readConfig(wanted: Wanted, env: Env = process.env): Config {
  const { config, mistakes } = inspectConfig(wanted, env)
  if (mistakes.length > 0) throw configInvalid(mistakes)
  return config
}

/** Settings as far as they can be read, for a command that reports on the rest of the installation, too. */
export interface InspectedConfig {
  /** A setting with a mistake has its default, which is not what its operator meant. */
  readonly config: Config
  readonly mistakes: readonly string[]
  /** Settings that are missing, or that a mistake is about. */
  readonly wrong: ReadonlySet<SettingName>
  /** Settings that the environment has. */
  readonly given: ReadonlySet<SettingName>
}

export function inspectConfig({ credentials, checks = [] }: Wanted, env: Env = process.env): InspectedConfig {
  const mistakes = misspelt(env, KNOWN)
  const { values, wrong, given } = readValues(env, credentials, mistakes)
  const production = env['NODE_ENV'] === 'production'
  for (const { name, mistake } of missingTogether(values, { credentials, production, wrong })) {
    wrong.add(name)
    mistakes.push(mistake)
  }
  const found = toConfig(values as Values, production)
  mistakes.push(...checks.flatMap((check) => mistakesFoundBy(check, found)))
  return { config: toConfig({ ...defaultsOf(wrong), ...values } as Values, production), mistakes, wrong, given }
}

/** Each variable alone; what is wrong with one is added to `mistakes`. */
function readValues(env: Env, credentials: boolean, mistakes: string[]) {
  const values: Record<string, unknown> = {}
  const wrong = new Set<Name>()
  const given = new Set<Name>()
  for (const [name, variable] of Object.entries<Variable>(VARIABLES) as [Name, Variable][]) {
    const before = mistakes.length
    const text = read(name, variable, env, mistakes)
    if (text !== undefined) given.add(name)
    if (text === undefined && variable.required === true) {
      if (credentials) mistakes.push(`${name} is missing. ${variable.about}`)
    } else {
      const parsed = text === undefined ? { value: variable.kind.absent } : variable.kind.parse(text)
      if ('value' in parsed) values[name] = parsed.value
      // The value itself is not shown: it may be a secret pasted into the wrong line.
      else mistakes.push(`${name} ${parsed.mistakes.join(', ')}.`)
    }
    if (mistakes.length > before) wrong.add(name)
  }
  return { values: values as Partial<Values>, wrong, given }
}

const defaultsOf = (names: Iterable<Name>): Partial<Values> =>
  Object.fromEntries([...names].map((name) => [name, VARIABLES[name].kind.absent] as const))

/** What one setting, or NODE_ENV, demands of others. */
function missingTogether(
  values: Partial<Values>,
  { credentials, production, wrong }: { credentials: boolean; production: boolean; wrong: ReadonlySet<Name> },
) {
  const missing: { readonly name: Name; readonly mistake: string }[] = []
  const isNamed = (values.DATABASE_DIRECT_URL ?? values.DATABASE_URL) !== undefined
  if (production && !isNamed && !wrong.has('DATABASE_URL') && !wrong.has('DATABASE_DIRECT_URL')) {
    const mistake = 'DATABASE_URL is missing. The embedded Postgres is for trying out, not for NODE_ENV=production.'
    missing.push({ name: 'DATABASE_URL', mistake })
  }
  missing.push(...alertMistakes(values).filter(({ name }) => !wrong.has(name)))
  if (!credentials || values.SCOPESTACK_GRANT !== 'password') return missing
  for (const name of ['SCOPESTACK_USERNAME', 'SCOPESTACK_PASSWORD'] as const) {
    if (values[name] === undefined)
      missing.push({ name, mistake: `${name} is missing. SCOPESTACK_GRANT=password needs it.` })
  }
  return missing
}

function mistakesFoundBy(check: Check, config: Config): readonly string[] {
  try {
    check(config)
    return []
  } catch (error) {
    const mistakes = factOf(error, 'mistakes')
    if (mistakes === undefined) throw error
    return mistakes
  }
}

const toConfig = (values: Values, production: boolean): Config => ({
  clientId: values.SCOPESTACK_CLIENT_ID ?? '',
  clientSecret: values.SCOPESTACK_CLIENT_SECRET ?? '',
  grant: values.SCOPESTACK_GRANT,
  username: values.SCOPESTACK_USERNAME,
  password: values.SCOPESTACK_PASSWORD,
  authUrl: values.SCOPESTACK_AUTH_URL,
  apiUrl: values.SCOPESTACK_API_URL,
  databaseUrl: values.DATABASE_DIRECT_URL ?? values.DATABASE_URL,
  resources: values.SYNC_RESOURCES,
  rate: values.SYNC_RATE,
  concurrency: values.SYNC_CONCURRENCY,
  sharePages: values.SYNC_SHARE_PAGES,
  pageSize: values.SYNC_PAGE_SIZE,
  deleteLimit: values.SYNC_DELETE_LIMIT,
  recheckDays: values.SYNC_RECHECK_DAYS,
  newFields: values.SYNC_NEW_FIELDS,
  history: values.SYNC_HISTORY,
  historyDays: values.SYNC_HISTORY_DAYS,
  redisUrl: values.REDIS_URL,
  schedule: values.SYNC_SCHEDULE,
  incrementalSchedule: values.SYNC_INCREMENTAL_SCHEDULE,
  timezone: values.SYNC_TIMEZONE,
  graceSeconds: values.SYNC_GRACE,
  takeoverSeconds: values.SYNC_TAKEOVER,
  httpHost: values.HTTP_HOST,
  httpPort: values.HTTP_PORT,
  dashboardTokens: values.DASHBOARD_TOKEN,
  push: values.SYNC_PUSH,
  conflict: values.SYNC_CONFLICT,
  alerts: alertSettings(values),
  proxy: values.HTTPS_PROXY === undefined ? undefined : { url: values.HTTPS_PROXY, except: values.NO_PROXY ?? [] },
  otlpEndpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
  logLevel: values.LOG_LEVEL,
  production,
})

/** An empty line in an env file means "not set". */
function read(name: string, variable: Variable, env: Env, mistakes: string[]): string | undefined {
  const small = variable.anyCase === true ? env[name.toLowerCase()]?.trim() : undefined
  const direct = small || env[name]?.trim() || undefined
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

const KNOWN: ReadonlySet<string> = new Set(
  Object.entries<Variable>(VARIABLES).flatMap(([name, { secret, anyCase }]) => [
    name,
    ...(secret === true ? [`${name}_FILE`] : []),
    ...(anyCase === true ? [name.toLowerCase()] : []),
  ]),
)

/**
 * Lines of `.env` in the current directory, where the environment does not say otherwise; without one nothing happens.
 *
 * @returns sentences on lines that may not say what was meant.
 * @throws SyncError SYNC_CONFIG when it cannot be read.
 */
export function loadEnvFile(): readonly string[] {
  try {
    const found = readEnvFile('.env')
    for (const [name, value] of Object.entries(found?.values ?? {})) process.env[name] ??= value
    return found?.notes ?? []
  } catch (error) {
    throw configInvalid([`${reason(error)}. Settings may also come from the environment: then take the file away.`])
  }
}
