/**
 * The fault matrix: which operation is tried under which fault, at which of its steps. A cell is a run (of the files in
 * test/integration/faults/ and test/system/faults/), a test that proves it already, or the reason why there is none. docs/faults.md
 * is made of it. Data only: a script without Vitest reads it, too.
 */
import { OPERATIONS, type Cell, type Fault, type OperationName, type Step, type Trial } from './names.ts'

const READS = ['first pull', 'unchanged pull', 'detection of deletes', 'incremental', 'backfill'] as const
const PUSHES = ['push of a new row', 'push of an edit', 'push of a deletion'] as const
const SCHEDULES = ['schedule on Postgres', 'schedule on Redis'] as const
const ALL = Object.keys(OPERATIONS) as OperationName[]

type Cells = Partial<Record<OperationName, Cell>>

const each = (names: readonly OperationName[], cell: Cell): Cells =>
  Object.fromEntries(names.map((name) => [name, cell]))
const run = (...steps: Step[]): Cell => ({ kind: 'run', steps, inProcesses: false })
const processes = (...steps: Step[]): Cell => ({ kind: 'run', steps, inProcesses: true })
const proved = (file: string, title: string): Cell => ({ kind: 'test', file, title })
const none = (reason: string): Cell => ({ kind: 'none', reason })

/** @param rest of what no other cell is named. */
const cells = (rest: Cell, ...parts: Cells[]): Record<OperationName, Cell> =>
  Object.assign(each(ALL, rest), ...parts) as Record<OperationName, Cell>

const A_JOB_PULLS = none('a job reads as a pull does')
const fromScopeStack = (step: Step, ...more: Cells[]): Record<OperationName, Cell> =>
  cells(run(step), each(SCHEDULES, A_JOB_PULLS), ...more)
/** At a request, and inside a transaction. */
const ofPostgres = (...more: Cells[]): Record<OperationName, Cell> =>
  cells(
    run('arrived', 'writing'),
    each(PUSHES, run('arrived', 'done', 'writing')),
    each(SCHEDULES, processes('arrived')),
    ...more,
  )
const AS_FIRST = none('asks Redis for the same as the first pull')
const AS_NEW_ROW = none('asks Redis for the same as the push of a new row')
const ofRedis = (...more: Cells[]): Record<OperationName, Cell> =>
  cells(
    run('arrived'),
    each(['unchanged pull', 'detection of deletes', 'incremental', 'backfill'], AS_FIRST),
    each(['push of an edit', 'push of a deletion'], AS_NEW_ROW),
    { 'schedule on Postgres': none('uses no Redis'), 'schedule on Redis': processes('arrived') },
    ...more,
  )

const CLOCKS = proved(
  'test/system/surroundings/clocks.test.ts',
  'hosts with clocks a day ahead and a day behind decide nothing by them, and report it',
)
const KILLED_PUSH = proved(
  'test/system/start/push-killed.test.ts',
  'of a killed %s that was %s, the next push makes one, and one only',
)

const AN_HOUR = proved(
  'test/system/surroundings/remote.test.ts',
  'a Retry-After that is longer than the limit ends the run, and names the time',
)

export const FAULTS: readonly Fault[] = [
  { name: 'connection reset', group: 'ScopeStack', cells: fromScopeStack('before') },
  { name: 'lost response', group: 'ScopeStack', cells: fromScopeStack('before') },
  { name: 'truncated body', group: 'ScopeStack', cells: fromScopeStack('before') },
  { name: 'slow-loris: a byte at a time', group: 'ScopeStack', cells: fromScopeStack('before') },
  { name: 'gzip bomb', group: 'ScopeStack', lasts: true, cells: fromScopeStack('before') },
  { name: 'HTML in place of JSON', group: 'ScopeStack', lasts: true, cells: fromScopeStack('before') },
  { name: '429 without Retry-After', group: 'ScopeStack', onlyWaits: true, cells: fromScopeStack('before') },
  { name: '429 with Retry-After', group: 'ScopeStack', onlyWaits: true, cells: fromScopeStack('before') },
  { name: '429 for an hour', group: 'ScopeStack', lasts: true, onlyWaits: true, cells: cells(AN_HOUR) },
  { name: '500, 502, 503, 504', group: 'ScopeStack', cells: fromScopeStack('before') },
  { name: '500 again and again', group: 'ScopeStack', lasts: true, cells: fromScopeStack('before') },
  { name: 'half-open, bytes of ScopeStack lost', group: 'ScopeStack', cells: fromScopeStack('arrived') },
  { name: 'half-open, bytes to ScopeStack lost', group: 'ScopeStack', cells: fromScopeStack('before') },
  {
    name: 'revoked token',
    group: 'ScopeStack',
    cells: fromScopeStack(
      'arrived',
      { token: none('is the operation itself') },
      each(
        SCHEDULES,
        proved(
          'test/system/start/tokens-fleet.test.ts',
          'processes with ${CALLERS} callers each asks once for each token',
        ),
      ),
    ),
  },
  {
    name: 'expired token',
    group: 'ScopeStack',
    cells: fromScopeStack('arrived', {
      token: proved('test/system/start/tokens.test.ts', 'a token that expires early is replaced'),
    }),
  },
  { name: 'connection reset', group: 'Postgres', cells: ofPostgres() },
  {
    name: 'half-open, both directions',
    group: 'Postgres',
    cells: ofPostgres(
      each(
        SCHEDULES,
        proved(
          'test/system/surroundings/postgres-switch-over.test.ts',
          'lost connections are opened again, and nothing is lost or duplicated',
        ),
      ),
    ),
  },
  {
    name: 'half-open, bytes of Postgres lost',
    group: 'Postgres',
    cells: ofPostgres(each(SCHEDULES, none('as both directions'))),
  },
  {
    name: 'half-open, bytes to Postgres lost',
    group: 'Postgres',
    cells: ofPostgres(each(SCHEDULES, none('as both directions'))),
  },
  { name: 'restart', group: 'Postgres', cells: ofPostgres() },
  {
    name: 'switch-over to another server',
    group: 'Postgres',
    cells: cells(
      none('what a worker does on another server is the same; that it gets there is proved of `start`'),
      each(
        SCHEDULES,
        proved(
          'test/system/surroundings/postgres-switch-over.test.ts',
          'a primary that gives way to its standby, and stays open, is left for it',
        ),
      ),
    ),
  },
  { name: 'read-only', group: 'Postgres', lasts: true, cells: ofPostgres() },
  {
    name: 'disk full',
    group: 'Postgres',
    lasts: true,
    cells: cells(run('arrived'), { token: none('one row is updated in its place') }, each(SCHEDULES, A_JOB_PULLS)),
  },
  {
    name: 'connection limit reached',
    group: 'Postgres',
    lasts: true,
    cells: ofPostgres(each(READS, run('arrived')), each(PUSHES, run('arrived', 'done')), { token: run('arrived') }),
  },
  {
    name: 'deadlock',
    group: 'Postgres',
    cells: cells(
      run('writing'),
      { token: none('its statements are alone in their transactions') },
      each(SCHEDULES, A_JOB_PULLS),
      each(
        PUSHES,
        proved('test/integration/push/deadlocks.test.ts', 'a transaction that lost a deadlock is repeated when %s'),
      ),
    ),
  },
  {
    name: 'lock held by another session',
    group: 'Postgres',
    cells: cells(run('writing'), each(SCHEDULES, A_JOB_PULLS)),
  },
  { name: 'wiped', group: 'Redis', cells: ofRedis() },
  { name: 'restarted', group: 'Redis', cells: ofRedis() },
  { name: 'full (maxmemory, noeviction)', group: 'Redis', lasts: true, cells: ofRedis() },
  { name: 'READONLY', group: 'Redis', lasts: true, cells: ofRedis() },
  { name: 'connection reset', group: 'Redis', cells: ofRedis() },
  { name: 'half-open, both directions', group: 'Redis', cells: ofRedis() },
  { name: 'ScopeStack’s a day ahead', group: 'clocks', cells: fromScopeStack('before') },
  { name: 'ScopeStack’s a day behind', group: 'clocks', cells: fromScopeStack('before') },
  { name: 'this host’s a day ahead', group: 'clocks', cells: fromScopeStack('before', each(SCHEDULES, CLOCKS)) },
  { name: 'this host’s a day behind', group: 'clocks', cells: fromScopeStack('before', each(SCHEDULES, CLOCKS)) },
  {
    name: 'SIGKILL',
    group: 'processes',
    cells: cells(
      processes('account', 'arrived', 'done', 'writing', 'ended'),
      { 'first pull': processes('token', 'account', 'arrived', 'done', 'writing', 'ended') },
      { token: processes('arrived', 'done', 'writing') },
      each(PUSHES, KILLED_PUSH),
      each(SCHEDULES, processes('tick', 'queueing', 'arrived', 'writing', 'closing')),
    ),
  },
  {
    name: 'SIGSTOP past the lease',
    group: 'processes',
    cells: cells(
      processes('arrived', 'done'),
      {
        token: proved(
          'test/system/start/tokens-fleet.test.ts',
          'refuses the late token of a process that was suspended past its claim, by %s',
        ),
      },
      each(
        SCHEDULES,
        proved('test/system/start/start.test.ts', 'a worker that resumes after its lease has expired writes nothing'),
      ),
    ),
  },
]

export const trials = (inProcesses: boolean): Trial[] =>
  FAULTS.flatMap((fault) =>
    ALL.flatMap((operation) => {
      const cell = fault.cells[operation]
      return cell.kind === 'run' && cell.inProcesses === inProcesses
        ? cell.steps.map((step) => ({ fault, operation, step }))
        : []
    }),
  )
