/** One row of the table of errors. `docs/errors.md` is generated from them. */

/** `retry`: at once, with backoff, spends an attempt · `wait`: later, spends none · `park`: a person decides · `stop`: a person fixes it. */
export type Remedy = 'retry' | 'wait' | 'park' | 'stop'

export interface Entry {
  /** What it ends: the run or command · one resource · one record or change · nothing, it is a notice. */
  readonly scope: 'run' | 'resource' | 'record' | 'notice'
  /** What happens next. Where the circumstances decide, all that may happen. */
  readonly remedy: Remedy | readonly Remedy[]
  /** The exit code of a command that it stops, where that is not 1. */
  readonly exit?: 'usage' | 'credentials' | 'config'
  readonly meaning: string
  readonly action: string
}
