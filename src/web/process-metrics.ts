/** Every metric of the process that is asked: its name goes on with `process_`. */
import type { CountName, Meter } from '../meter.ts'
import type { Metric } from './metrics-table.ts'

export interface ProcessFacts {
  readonly version: string
  readonly meter: Meter
  readonly connections: { readonly busy: number; readonly idle: number }
  /** The database answered this time. */
  readonly databaseUp: boolean
  readonly isStarted: boolean
}

const counted = (name: CountName, shown: Omit<Metric<ProcessFacts>, 'type' | 'of'>): Metric<ProcessFacts> => ({
  ...shown,
  type: 'counter',
  of: ({ meter }) => meter.read(name).map(({ labels, value }) => [labels, value]),
})

export const OF_PROCESS: readonly Metric<ProcessFacts>[] = [
  {
    name: 'process_info',
    type: 'gauge',
    help: 'Always 1.',
    labels: ['version'],
    of: ({ version }) => [[{ version }, 1]],
  },
  {
    name: 'process_database_up',
    type: 'gauge',
    help: '1 where the database answered for this page; without it the metrics of the fleet are missing.',
    labels: [],
    of: ({ databaseUp }) => [[{}, databaseUp ? 1 : 0]],
  },
  {
    name: 'process_started',
    type: 'gauge',
    help: '1 once all its parts run; 0 while it waits for one, for which /readyz has the reason.',
    labels: [],
    of: ({ isStarted }) => [[{}, isStarted ? 1 : 0]],
  },
  {
    name: 'process_database_connections',
    type: 'gauge',
    help: 'Connections to Postgres, the queue among them: busy ones await a response or are in a transaction.',
    labels: ['state'],
    of: ({ connections }) => [
      [{ state: 'busy' }, connections.busy],
      [{ state: 'idle' }, connections.idle],
    ],
  },
  counted('requests', {
    name: 'process_requests_total',
    help: 'Requests to ScopeStack, each attempt, by the status of the response, or the code of what came instead.',
    labels: ['target', 'method', 'status'],
  }),
  counted('requestSeconds', {
    name: 'process_request_seconds_total',
    help: 'Seconds from the request to the last byte of the response, of all of them together.',
    labels: ['target', 'method'],
  }),
  counted('retries', {
    name: 'process_retries_total',
    help: 'Requests that are sent again after a failure, by its code.',
    labels: ['code'],
  }),
  {
    ...counted('inFlightLimit', {
      name: 'process_requests_in_flight_limit',
      help: 'Requests that may be in flight at once: what the process has found useful, SYNC_CONCURRENCY at most.',
      labels: [],
    }),
    type: 'gauge',
  },
  counted('waitSeconds', {
    name: 'process_rate_limit_wait_seconds_total',
    help: 'Seconds that requests waited for their place in the rate limit of the fleet, all of them together.',
    labels: [],
  }),
  counted('tokens', {
    name: 'process_token_renewals_total',
    help: 'Tokens that this process requested: ok, or the code of the failure.',
    labels: ['outcome'],
  }),
  counted('pulls', {
    name: 'process_pulls_total',
    help: 'Reads of a resource that this process has ended, by outcome.',
    labels: ['resource', 'outcome'],
  }),
  counted('pullSeconds', {
    name: 'process_pull_seconds_total',
    help: 'Seconds that they took together.',
    labels: ['resource'],
  }),
  counted('rows', {
    name: 'process_rows_total',
    help: 'Records of these reads: seen, inserted, updated, unchanged, deleted or parked.',
    labels: ['resource', 'action'],
  }),
  counted('changes', {
    name: 'process_local_edits_total',
    help: 'Local edits that this process has handled, by what came of them.',
    labels: ['outcome'],
  }),
  counted('signIns', {
    name: 'process_sign_ins_total',
    help: 'Sign-ins to its dashboard, and tokens that a program sent it in vain: ok or refused.',
    labels: ['outcome'],
  }),
]
