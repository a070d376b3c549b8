/** What an error is here: a code, a remedy, facts, and a sentence that ends with what the reader can do. */

/** `retry`: with backoff, spends an attempt · `wait`: later, spends none · `park`: one record aside · `stop`: a person. */
export type Remedy = 'retry' | 'wait' | 'park' | 'stop'

type Facts = Readonly<Record<string, string | number | boolean | null | undefined | readonly string[]>>

interface Options {
  readonly facts?: Facts
  /** Shown below the sentence, each on a line of its own. */
  readonly more?: readonly string[]
  readonly cause?: unknown
}

export class SyncError extends Error {
  override readonly name = 'SyncError'
  readonly code: string
  readonly remedy: Remedy
  readonly facts: Facts
  /** The message by lines: what else breaks a line came with a fact, and is shown as such. */
  readonly lines: readonly string[]

  constructor(code: string, remedy: Remedy, message: string, { facts = {}, more = [], cause }: Options = {}) {
    super([message, ...more].join('\n'), cause === undefined ? undefined : { cause })
    this.lines = [message, ...more]
    this.code = code
    this.remedy = remedy
    this.facts = facts
  }
}

/** What a process says with its exit status (README, "Exit codes"). */
export const EXIT = { ok: 0, failed: 1, notAllOk: 2, usage: 64, credentials: 77, config: 78 } as const

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof SyncError)) return EXIT.failed
  if (CONFIG.has(error.code) && error.remedy === 'stop') return EXIT.config
  if (error.code === 'SYNC_USAGE') return EXIT.usage
  if (CREDENTIALS.has(error.code)) return EXIT.credentials
  return EXIT.failed
}

/** What no other try mends, but a setting. */
const CONFIG: ReadonlySet<string> = new Set(['SYNC_CONFIG', 'SYNC_POOLED', 'SYNC_CONNECTIONS'])

const CREDENTIALS: ReadonlySet<string> = new Set([
  'SYNC_CREDENTIALS_REFUSED',
  'SYNC_UNAUTHORIZED',
  'SYNC_LOGIN_REQUIRED',
  'SYNC_LOGIN_FAILED',
])

/** A failure that ends the whole run: every other resource would meet it too. */
export function endsTheRun(error: unknown): boolean {
  return error instanceof SyncError && RUN_ENDING.has(error.code)
}

const RUN_ENDING: ReadonlySet<string> = new Set([
  'SYNC_CREDENTIALS_REFUSED',
  'SYNC_UNAUTHORIZED',
  'SYNC_LOGIN_REQUIRED',
  'SYNC_PROXY_REFUSED',
  'SYNC_REDIS_REFUSED',
  'SYNC_WRONG_ACCOUNT',
  'SYNC_ACCOUNT_NOT_FOUND',
  'SYNC_TOKEN_COOLDOWN',
  'SYNC_RATE_LIMITED',
  'SYNC_TOKEN_FAILED',
  'SYNC_DATABASE_UNREACHABLE',
  'SYNC_DATABASE_FULL',
  'SYNC_DATABASE_REFUSED',
  'SYNC_STOPPED',
])

/** The sentence of any thrown thing; undici and postgres hide theirs in `code` or in an AggregateError. */
export function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  if (cause instanceof AggregateError && cause.errors.length > 0) return reason(cause.errors[0])
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  if (cause.message === '') return code || cause.name
  return code === '' || cause.message.includes(code) ? cause.message : `${cause.message} (${code})`
}
