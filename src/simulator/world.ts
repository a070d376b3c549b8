/** The simulated account, as every part of the simulator needs it. */
import type { ApiBase } from './read/documents.ts'
import type { Records } from './records/records.ts'
import type { Switches } from './switches.ts'
import type { Changes } from './write/changes.ts'

export interface World {
  readonly records: Records
  readonly changes: Changes
  readonly switches: Switches
  readonly account: { readonly id: number; slug: string; readonly userId: string; readonly email: string }
  readonly apiBase: () => ApiBase
  readonly seed: number
  readonly now: () => number
}
