/** What an error is here: a code of the table, its facts, and a sentence that ends with what the reader can do. */
import type { Remedy } from './codes/entry.ts'
import type { Fact, FactName, FactsOf } from './facts.ts'
import { entryOf, type ErrorCode, type RemedyOf } from './table.ts'

export type { Remedy }

/** Made by `syncError` alone. Its message ends with its code, wherever it is shown. */
export class SyncError extends Error {
  override readonly name = 'SyncError'
  readonly code: ErrorCode
  readonly remedy: Remedy
  /** Typed once the code is known: `hasCode`. One of any error: `factOf`. */
  readonly facts: object
  /** Without the code. */
  readonly sentence: string
  /** Shown below the sentence, each on a line of its own. */
  readonly more: readonly string[]

  constructor(code: ErrorCode, remedy: Remedy, text: Text, facts: object, cause?: unknown) {
    super(linesOf(text, code).join('\n'), cause === undefined ? undefined : { cause })
    this.sentence = text.sentence
    this.more = text.more
    this.code = code
    this.remedy = remedy
    this.facts = facts
  }

  /** The message by lines: what else breaks a line came with a fact, and is shown as such. */
  get lines(): readonly string[] {
    return linesOf(this, this.code)
  }

  /** The same error with every text of it changed, as by taking secrets out. */
  mapTexts(change: (text: string) => string): SyncError {
    const facts = Object.entries(this.facts).map(([name, fact]) => [
      name,
      typeof fact === 'string' ? change(fact) : fact,
    ])
    const text = { sentence: change(this.sentence), more: this.more.map(change) }
    return new SyncError(this.code, this.remedy, text, Object.fromEntries(facts), this.cause)
  }
}

interface Text {
  readonly sentence: string
  readonly more: readonly string[]
}

/** Below a list the code has a line of its own. */
const linesOf = ({ sentence, more }: Text, code: ErrorCode): string[] =>
  more.length === 0 ? [withCode(sentence, code)] : [sentence, ...more, `(${code})`]

/** A text that a person reads, ending with its code; once only, and not where there is none. */
export function withCode(text: string, code: ErrorCode | null): string {
  const ending = `(${code})`
  return code === null || text.endsWith(ending) ? text : `${text} ${ending}`
}

export type SyncErrorOf<C extends ErrorCode> = SyncError & { readonly code: C; readonly facts: FactsOf[C] }

interface Options<C extends ErrorCode> {
  readonly facts: FactsOf[C]
  /** Left out where it is the only one, or the first, of the table. */
  readonly remedy?: RemedyOf<C>
  /** Shown below the sentence, each on a line of its own. */
  readonly more?: readonly string[]
  readonly cause?: unknown
}

/** Called by the factories of this folder alone. */
export function syncError<C extends ErrorCode>(
  code: C,
  sentence: string,
  { facts, remedy, more = [], cause }: Options<C>,
): SyncErrorOf<C> {
  const usual = [entryOf(code).remedy].flat()[0]!
  return new SyncError(code, remedy ?? usual, { sentence, more }, facts, cause) as SyncErrorOf<C>
}

/** Whether it is an error of one of these codes, whose facts are then known. A code that is not in the table does not compile. */
export const hasCode = <C extends ErrorCode>(error: unknown, ...codes: readonly C[]): error is SyncErrorOf<C> =>
  error instanceof SyncError && isCode(error.code, ...codes)

/** The same of a code alone, as the database keeps it; text, since another version may have written it. */
export const isCode = <C extends ErrorCode>(code: string | null, ...codes: readonly C[]): code is C =>
  codes.some((one) => one === code)

/** A fact by its name, of an error of any code; undefined where it has none. */
export function factOf<N extends FactName>(error: unknown, name: N): Fact<N> | undefined {
  if (!(error instanceof SyncError)) return undefined
  return (error.facts as Partial<Record<N, Fact<N>>>)[name]
}

export const errorCodeOf = (error: unknown): ErrorCode | null => (error instanceof SyncError ? error.code : null)

/** For `.catch`: undefined in place of an expected failure. @throws any other. */
export const undefinedWhen =
  (isExpected: (error: unknown) => boolean) =>
  (error: unknown): undefined => {
    if (!isExpected(error)) throw error
  }

/** What a process says with its exit status (README, "Exit codes"). */
export const EXIT = { ok: 0, failed: 1, notAllOk: 2, usage: 64, credentials: 77, config: 78 } as const

/** What another try may fix is a failure like any other. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof SyncError) || error.remedy !== 'stop') return EXIT.failed
  return EXIT[entryOf(error.code).exit ?? 'failed']
}

/** A failure that ends the whole run: every other resource would meet it too. */
export const endsTheRun = (error: unknown): boolean => error instanceof SyncError && entryOf(error.code).scope === 'run'

/** Nothing failed: the work waits, or continues. */
export const isNotice = ({ code }: SyncError): boolean => entryOf(code).scope === 'notice'

/** What is said of any thrown thing, with the code that it has. */
export const reason = (error: unknown): string => (error instanceof SyncError ? error.message : causeText(error))

/** The same without the code of ours, for the middle of a sentence. */
export function causeText(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  if (cause instanceof SyncError) return cause.sentence
  // undici and postgres hide theirs in `code` or in an AggregateError.
  if (cause instanceof AggregateError && cause.errors.length > 0) return causeText(cause.errors[0])
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  if (cause.message === '') return code || cause.name
  return code === '' || cause.message.includes(code) ? cause.message : `${cause.message} (${code})`
}
