/** The words of the fault matrix: operations, steps, and what a cell is. Data only: a script without Vitest reads it, too. */
export const OPERATIONS = {
  'first pull': 'everything is read into empty tables',
  'unchanged pull': 'everything is read again, and nothing has changed',
  'detection of deletes': 'everything is read, and records are gone',
  incremental: 'what changed is read',
  backfill: 'everything is read again by a person’s wish',
  'push of a new row': 'a row that was inserted by SQL is created in ScopeStack',
  'push of an edit': 'a row that was updated by SQL is changed in ScopeStack',
  'push of a deletion': 'a row that was deleted by SQL is deleted in ScopeStack',
  token: 'a revoked token is replaced',
  'schedule on Postgres': '`start`: a tick, its run and its jobs, with the queue on Postgres',
  'schedule on Redis': 'the same with queue, token and rate limit on Redis',
} as const
export type OperationName = keyof typeof OPERATIONS

/** Where a fault strikes. */
export const STEPS = {
  before: 'before its first request',
  token: 'its token is requested',
  account: 'the account is asked for',
  arrived: 'its request has arrived and is not done',
  done: 'its request is done, and the response is on its way',
  writing: 'rows and checkpoint are being written, and not committed',
  ended: 'all is committed, and the process has not ended',
  tick: 'the tick is being decided',
  queueing: 'the run is open, and its jobs are being added',
  closing: 'each job is done, and the run is being closed',
} as const
export type Step = keyof typeof STEPS

export type Cell =
  | { readonly kind: 'run'; readonly steps: readonly Step[]; readonly inProcesses: boolean }
  | { readonly kind: 'test'; readonly file: string; readonly title: string }
  | { readonly kind: 'none'; readonly reason: string }

export interface Fault {
  readonly name: string
  readonly group: 'ScopeStack' | 'Postgres' | 'Redis' | 'clocks' | 'processes'
  /** It goes on until it is removed; else it passes by itself. */
  readonly lasts?: boolean
  /** What it makes wait may spend no attempt. */
  readonly onlyWaits?: boolean
  readonly cells: Readonly<Record<OperationName, Cell>>
}

/** `Postgres: restart`, which is unique. */
export const titleOf = ({ group, name }: Pick<Fault, 'group' | 'name'>): string =>
  group === 'clocks' || group === 'processes' ? name : `${group}: ${name}`

export interface Trial {
  readonly fault: Fault
  readonly operation: OperationName
  readonly step: Step
}

export const nameOf = ({ fault, operation, step }: Trial): string => `${titleOf(fault)} · ${operation} · ${step}`
