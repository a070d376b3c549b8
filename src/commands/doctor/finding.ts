/** What a check of `doctor` found: how bad it is, in a sentence, and what a person does about it. */
import { withCode, type SyncError } from '../../errors/sync-error.ts'
import { entryOf, type ErrorCode } from '../../errors/table.ts'

/** `skip`: it could not be looked at, for a reason that another line has. */
export type Level = 'ok' | 'warn' | 'fail' | 'skip'

export type Fact = string | number | boolean | null | readonly string[]

export interface Finding {
  readonly level: Level
  readonly message: string
  /** What to do; null where nothing is to be done. */
  readonly remedy: string | null
  readonly code: ErrorCode | null
  /** What the sentence was made from, for machines. */
  readonly facts: Readonly<Record<string, Fact>>
  /** The sentence repeats words of a server, a file or the environment. It is kept out of what is sent to others. */
  readonly quotes: boolean
  /** The sentence has the remedy in it already. */
  readonly complete: boolean
}

type More = Partial<Pick<Finding, 'code' | 'facts' | 'quotes' | 'complete'>>

const finding = (level: Level, message: string, remedy: string | null, more: More): Finding => ({
  level,
  remedy,
  code: null,
  facts: {},
  quotes: false,
  complete: false,
  ...more,
  message: withCode(message, more.code ?? null),
})

export const ok = (message: string, facts: Finding['facts'] = {}, more: More = {}): Finding =>
  finding('ok', message, null, { ...more, facts })

export const skip = (message: string): Finding => finding('skip', message, null, {})

export const warn = (message: string, remedy: string, more: More = {}): Finding =>
  finding('warn', message, remedy, more)

export const fail = (message: string, remedy: string, more: More = {}): Finding =>
  finding('fail', message, remedy, more)

/** Errors end with what their reader can do, and the table has the same for machines. */
export const failedBy = (error: SyncError, level: 'warn' | 'fail' = 'fail'): Finding =>
  finding(level, [error.sentence, ...error.more].join(' '), entryOf(error.code).action, {
    code: error.code,
    quotes: true,
    complete: true,
  })
