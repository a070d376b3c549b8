/** What is wrong with the way to Postgres, or with how many may take it. */
import { reason, SyncError } from './sync-error.ts'

export const transactionPooling = (facts: { where: string }): SyncError =>
  new SyncError(
    'SYNC_POOLED',
    'stop',
    `${facts.where} is a pooler that hands a session on with each transaction or statement, and this program needs sessions ` +
      'of its own (locks, LISTEN, prepared statements). Nothing was written. Set DATABASE_DIRECT_URL to the address of the ' +
      'server itself, or use a port or a pool of the pooler with pool_mode = session.',
    { facts },
  )

export const connectionsMissing = (facts: {
  where: string
  need: number
  room: number
  limit: string
  most: number
  enough: boolean
}): SyncError =>
  new SyncError(
    'SYNC_CONNECTIONS',
    // Others may end; a limit does not move by itself.
    facts.enough ? 'wait' : 'stop',
    `Postgres at ${facts.where} has ${Math.max(0, facts.room)} connections left, and this process needs ${facts.need}: the ` +
      `${facts.limit} allows ${facts.most}. Raise it, end other sessions, or need fewer: SYNC_CONCURRENCY=1, and a Redis for ` +
      'the queue (docs/deployment.md, "Connections").',
    { facts },
  )

export const poolerTooSmall = (facts: { where: string; need: number; room: number }, cause: unknown): SyncError =>
  new SyncError(
    'SYNC_CONNECTIONS',
    'wait',
    `The pooler at ${facts.where} gave ${facts.room} connections of the ${facts.need} that this process needs ` +
      `(${reason(cause)}). Raise its pool_size and max_client_conn, set DATABASE_DIRECT_URL to the address of the server ` +
      'itself, or need fewer: SYNC_CONCURRENCY=1, and a Redis for the queue (docs/deployment.md, "Connections").',
    { facts, cause },
  )
