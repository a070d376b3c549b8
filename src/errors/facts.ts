/** What an error knows besides its sentence, by code. What only some errors of a code know is optional. */
import type { ErrorCode } from './table.ts'

export interface FactsOf {
  /** `mistakes`: one or more settings, all that were found. */
  SYNC_CONFIG: { readonly mistakes?: readonly string[]; readonly host?: string; readonly port?: number }
  SYNC_USAGE: None
  SYNC_STOPPED: None
  SYNC_NOTHING_PULLED: None
  SYNC_BACKFILL_DIFFERS: {
    readonly planned: readonly string[]
    readonly since: string | null
    readonly startedAt: string
  }
  SYNC_NOT_WRITABLE: { readonly path: string }

  SYNC_CREDENTIALS_REFUSED: OfUrl & { readonly error: string; readonly description: string }
  SYNC_UNAUTHORIZED: OfUrl
  SYNC_LOGIN_REQUIRED: { readonly why: string }
  SYNC_LOGIN_FAILED: { readonly why: string; readonly next: string }
  SYNC_TOKEN_FAILED: {
    readonly url?: string
    readonly status?: number
    readonly error?: string
    readonly seconds?: number
  }
  SYNC_TOKEN_COOLDOWN: { readonly seconds: number; readonly reason: string }
  SYNC_WRONG_ACCOUNT: { readonly bound: string; readonly found: string }
  SYNC_ACCOUNT_NOT_FOUND: OfUrl & { readonly slug: string }

  SYNC_REMOTE_UNREACHABLE: OfUrl
  SYNC_REMOTE_TIMEOUT: OfUrl & { readonly phase: string; readonly seconds: number }
  SYNC_REMOTE_FAILED: OfUrl & {
    readonly status: number
    readonly requestId?: string | undefined
    /** Where a redirect leads to. */
    readonly to?: string
    /** False: the response says that the request was not begun. */
    readonly taken?: boolean
  }
  SYNC_BODY_UNREADABLE: OfUrl & {
    readonly problem: string
    readonly start?: string
    /** Over the limit of bytes or of values: a smaller page may pass, the same one will not. */
    readonly tooLarge?: true
    /** Not UTF-8, or compressed by an unknown method. */
    readonly encoding?: true
  }
  SYNC_ANSWER_FOREIGN: OfUrl & { readonly problem: string }
  SYNC_RATE_LIMITED: OfUrl & { readonly seconds: number; readonly status?: number }
  SYNC_PACE_WAITS: { readonly seconds: number; readonly rate: number; readonly isHeld: boolean }
  SYNC_PACE_ALONE: { readonly rate: number; readonly seconds: number }
  SYNC_PROXY_UNREACHABLE: OfProxy
  SYNC_PROXY_REFUSED: OfProxy & { readonly status: number }

  SYNC_FORBIDDEN: OfUrl & { readonly resource?: string | undefined }
  SYNC_LIST_NOT_FOUND: OfUrl & { readonly resource: string }
  SYNC_REQUEST_REFUSED: OfUrl & { readonly status: number; readonly detail: string }
  SYNC_COLUMN_USED: { readonly column: string; readonly users: string }
  SYNC_COLUMN_REFUSED: { readonly said: string }
  SYNC_PAGE_REPEATED: OfUrl & { readonly page: number }
  SYNC_LIST_NOT_IN_ORDER: { readonly path: string; readonly page: number }
  SYNC_LIST_OUT_OF_REACH: { readonly path: string; readonly page: number; readonly status: number | null }
  SYNC_INCOMPLETE: None
  SYNC_SUSPECT: None
  SYNC_TABLE_UNFIT: { readonly table: string; readonly problem: string | null }
  SYNC_TABLE_REFUSED: { readonly table?: string; readonly said: string }
  SYNC_RECORD_UNUSABLE: None
  SYNC_RECORD_REJECTED: None
  SYNC_BUSY: { readonly resource: string; readonly holder: string; readonly since: string }
  SYNC_LEASE_LOST: { readonly resource: string; readonly term: number }
  SYNC_NOT_YET: { readonly resource: string; readonly parent: string; readonly seconds: number }
  SYNC_JOB_FAILED: None

  SYNC_DATABASE_UNREACHABLE: { readonly where?: string; readonly folder?: string }
  SYNC_DATABASE_REFUSED: {
    readonly where?: string
    readonly version?: string
    readonly oldest?: number
    readonly role?: string
  }
  SYNC_DATABASE_FULL: OfServer
  SYNC_DATABASE_UNFIT: OfServer & { readonly problem: string; readonly remedy: string }
  SYNC_DATABASE_LIMIT: { readonly limit: string }
  SYNC_POOLED: OfServer
  SYNC_CONNECTIONS: OfServer & { readonly need: number; readonly room: number }
  SYNC_SCHEMA_FOREIGN: { readonly schema: string; readonly relations: readonly string[] }
  SYNC_NAME_TAKEN: { readonly what: string; readonly said: string }
  SYNC_TABLES_HELD: {
    readonly pid: string
    readonly who: string
    readonly tables: string
    readonly since: string | null
  }
  SYNC_REDIS_UNREACHABLE: OfServer
  SYNC_REDIS_UNWRITABLE: OfServer
  SYNC_REDIS_REFUSED: OfServer
  SYNC_REDIS_UNFIT: OfServer & { readonly problem: string; readonly remedy: string }
  SYNC_QUEUE_UNREACHABLE: { readonly seconds: number }

  SYNC_PUSH_CONFLICT: OfChange & { readonly columns: string }
  SYNC_PUSH_INVALID: OfChange & { readonly status: number; readonly said: string }
  SYNC_PUSH_REFUSED: OfChange & { readonly status?: number; readonly said?: string; readonly columns?: string }
  SYNC_PUSH_FORBIDDEN: OfChange & { readonly said?: string }
  SYNC_PUSH_UNSUPPORTED: OfChange & { readonly verb?: string; readonly status?: number; readonly said?: string }
  SYNC_PUSH_GONE: OfChange
  SYNC_PUSH_PARENT_GONE: OfChange & { readonly parent: string }
  SYNC_PUSH_UNKNOWN: OfChange & { readonly why: string; readonly answer?: string; readonly record?: string }
  SYNC_PUSH_UNPROVED: OfChange & { readonly why: string; readonly look: string }
  SYNC_PUSH_UNSEEN: OfChange & { readonly columns: string }
  SYNC_PUSH_IGNORED: OfChange & { readonly columns: string }
  SYNC_PUSH_NOT_HELD: OfChange & { readonly why: string }
  SYNC_PUSH_FAILED: OfChange & { readonly attempts: number }
  SYNC_PUSH_NO_EFFECT: OfChange & { readonly why: string }
  SYNC_PUSH_UNANSWERED: OfChange & { readonly why: string; readonly answer?: string }
  SYNC_PUSH_ROW_LOCKED: OfChange
  SYNC_PUSH_ROW_REFUSED: OfChange & { readonly said: string; readonly seconds: number }
  SYNC_CLAIM_LOST: { readonly change: number; readonly term: number }

  SYNC_NOT_READY: None
  SYNC_CHECK_FAILED: { readonly why: string }
  SYNC_SCHEMA_OLDER: None
  SYNC_OVERDUE: None
  SYNC_RECORDS_PARKED: None
  SYNC_CHANGES_PARKED: None
  SYNC_EDITS_LOST: None
}

interface OfUrl {
  readonly url: string
}

/** Nothing was sent through it. */
interface OfProxy {
  readonly proxy: string
  readonly host: string
  readonly taken: false
}

/** @param where host and port. */
interface OfServer {
  readonly where: string
}

interface OfChange {
  /** The change in the middle of a sentence: `the new row of clients -1`. */
  readonly what: string
  /** The last failure in a few words, for the sentence of the next error. */
  readonly last?: string
}

type None = object

/** The names of facts that some error has. */
export type FactName = { [C in ErrorCode]: keyof FactsOf[C] }[ErrorCode]

/** The type of a fact, over all errors that have it. */
export type Fact<N extends FactName> = {
  [C in ErrorCode]: N extends keyof FactsOf[C] ? FactsOf[C][N] : never
}[ErrorCode]
