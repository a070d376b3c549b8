/** What is wrong with Postgres, the way to it, or what is in it already. */
import { causeText, type SyncError, syncError } from './sync-error.ts'

const sqlStateOf = (cause: unknown): unknown => (cause instanceof Error && 'code' in cause ? cause.code : undefined)

export const databaseUnreachable = (facts: { where: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_DATABASE_UNREACHABLE',
    sqlStateOf(cause) === '53300'
      ? `Postgres at ${facts.where} has no connection left: ${causeText(cause)}. Nothing is lost. End other sessions, or raise ` +
          'the limit it names (docs/deployment.md, "Connections").'
      : `Postgres at ${facts.where} cannot be reached: ${causeText(cause)}. Check that it runs and that DATABASE_URL names it; ` +
          'leave DATABASE_URL empty to use an embedded Postgres.',
    { facts, cause },
  )

export const databaseReadOnly = (facts: { where: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_DATABASE_UNREACHABLE',
    `Postgres at ${facts.where} is read-only: ${causeText(cause)}. This passes when a failover is under way. Otherwise name the ` +
      'primary in DATABASE_URL, or an address that follows it, and check default_transaction_read_only.',
    { facts, cause },
  )

export const databaseRejected = (facts: { where: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_DATABASE_REFUSED',
    `Postgres at ${facts.where} rejected the connection: ${causeText(cause)}. Check user, password, database and rights in DATABASE_URL; ` +
      'to migrate, the role must be allowed to create schemas in the database, and own scopestack and sync.',
    { facts, cause },
  )

export const databaseFull = (facts: { where: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_DATABASE_FULL',
    `Postgres at ${facts.where} is out of disk space: ${causeText(cause)}. Nothing was lost. Make room, then run the same ` +
      'command again: it continues from the checkpoint.',
    { facts, cause },
  )

export const mayNotCreateSchemas = (facts: {
  role: string
  database: string
  schemas: readonly string[]
  isUpgrade: boolean
}): SyncError => {
  const { role, database, schemas, isUpgrade } = facts
  const remedy = isUpgrade
    ? schemas.map((schema) => `create schema ${schema} authorization "${role}"`).join('; ')
    : `grant create on database "${database}" to "${role}"`
  return syncError(
    'SYNC_DATABASE_REFUSED',
    `This version needs schema ${schemas.join(', ')}, and role ${role} may not create schemas in this database. Nothing was changed. ` +
      `As the owner of the database: ${remedy}. Then run it again.`,
    { facts },
  )
}

export const notMigrated = (): SyncError =>
  syncError(
    'SYNC_DATABASE_REFUSED',
    'The database has no scopestack-sync tables yet. Run the command "migrate" (or "pull", which does it first).',
    { facts: {} },
  )

/** @param facts.role as SQL writes it. */
export const schemaNotReadable = (facts: { role: string }): SyncError =>
  syncError(
    'SYNC_DATABASE_REFUSED',
    `The role ${facts.role} may read nothing in schema scopestack. As the role that migrates, run: select sync.grant_reader('${facts.role}')`,
    { facts },
  )

export const schemaOlder = (): SyncError =>
  syncError(
    'SYNC_DATABASE_REFUSED',
    'The tables in the database are those of an older version of scopestack-sync. Run the command "migrate" (or "pull", which does it first).',
    { facts: {} },
  )

export const serverTooOld = (facts: { version: string; oldest: number }): SyncError =>
  syncError(
    'SYNC_DATABASE_REFUSED',
    `The database server is PostgreSQL ${facts.version}, and scopestack-sync needs ${facts.oldest} or newer. Nothing was ` +
      'changed there. Upgrade the server, or name a newer one in DATABASE_URL.',
    { facts },
  )

/** @param facts.passes a standby, which may be on its way to another role. */
export const databaseUnfit = (facts: { where: string; problem: string; remedy: string; passes?: boolean }): SyncError =>
  syncError('SYNC_DATABASE_UNFIT', `Postgres at ${facts.where} cannot be used: ${facts.problem}. ${facts.remedy}.`, {
    facts,
    remedy: facts.passes === true ? 'retry' : 'stop',
  })

export const databaseLimit = (facts: { limit: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_DATABASE_LIMIT',
    `Postgres ended a statement because of ${facts.limit}: ${causeText(cause)}. Nothing was lost, and the next run continues there. Raise ` +
      'the limit for the role of DATABASE_URL, or end the session that holds the lock.',
    { facts, cause },
  )

export const tablesHeld = (facts: { pid: string; who: string; tables: string; since: string | null }): SyncError =>
  syncError(
    'SYNC_TABLES_HELD',
    `The migration waits for a transaction of ${facts.who} (pid ${facts.pid}` +
      `${facts.since === null ? '' : `, since ${facts.since}`}), which has locks on ${shortened(facts.tables)}. Readers are not blocked ` +
      'meanwhile. End that transaction, or wait until it ends.',
    { facts },
  )

const shortened = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text)

export const transactionPooling = (facts: { where: string }): SyncError =>
  syncError(
    'SYNC_POOLED',
    `${facts.where} is a pooler that gives a session away after each transaction or statement, and this program needs sessions ` +
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
  syncError(
    'SYNC_CONNECTIONS',
    `Postgres at ${facts.where} has ${Math.max(0, facts.room)} connections left, and this process needs ${facts.need}: the ` +
      `${facts.limit} allows ${facts.most}. Raise it, end other sessions, or need fewer: SYNC_CONCURRENCY=1, and a Redis for ` +
      'the queue (docs/deployment.md, "Connections").',
    // Others may end; a limit does not move by itself.
    { facts, remedy: facts.enough ? 'wait' : 'stop' },
  )

export const poolerTooSmall = (facts: { where: string; need: number; room: number }, cause: unknown): SyncError =>
  syncError(
    'SYNC_CONNECTIONS',
    `The pooler at ${facts.where} opened ${facts.room} connections of the ${facts.need} that this process needs ` +
      `(${causeText(cause)}). Raise its pool_size and max_client_conn, set DATABASE_DIRECT_URL to the address of the server ` +
      'itself, or need fewer: SYNC_CONCURRENCY=1, and a Redis for the queue (docs/deployment.md, "Connections").',
    { facts, remedy: 'wait', cause },
  )

export const embeddedFailed = (cause: unknown): SyncError =>
  syncError('SYNC_DATABASE_UNREACHABLE', causeText(cause), { facts: {}, cause })

export const embeddedGone = (facts: { folder: string; said: string }, cause: unknown): SyncError =>
  /No space left/.test(facts.said)
    ? databaseFull({ where: facts.folder }, new Error(facts.said, { cause }))
    : syncError(
        'SYNC_DATABASE_UNREACHABLE',
        `The embedded Postgres in ${facts.folder} ended unexpectedly${facts.said ? `: ${facts.said}` : ''}. Run the same command ` +
          'again: it restarts Postgres and continues from the checkpoint. The log is postgres.log in that folder.',
        { facts, cause },
      )

/** Enough to recognize whose they are. */
const NAMED = 3

export const foreignSchema = (facts: { schema: string; relations: readonly string[] }): SyncError =>
  syncError(
    'SYNC_SCHEMA_FOREIGN',
    `Schema "${facts.schema}" of this database belongs to another program, or is only a part of ours: it has ${facts.relations
      .slice(0, NAMED)
      .join(
        ', ',
      )}${facts.relations.length > NAMED ? ` and ${facts.relations.length - NAMED} more` : ''}, and no record of our ` +
      'migrations. Nothing was changed there. Use a database of its own, or rename that schema; a copy of ' +
      'our own tables is restored together with schema sync.',
    { facts },
  )

/** A migration makes something that is there already, and is not ours. */
export const nameTaken = (facts: { what: string; said: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_NAME_TAKEN',
    facts.what === 'column'
      ? `This version adds a column whose name is taken: ${facts.said}. Nothing was changed. Rename your column ` +
          '(alter table scopestack.… rename column … to …) and what refers to it, then run it again.'
      : `This version creates something that exists already: ${facts.said}. Nothing was changed. Where schema scopestack was restored without ` +
          'schema sync, restore both from the same backup, sync first; or drop what is there (drop schema scopestack cascade) and ' +
          'the next pull reads it again. A table or function of your own needs another name.',
    { facts, cause },
  )

/** A statement of a command, over whichever table. */
export const statementRejected = (facts: { said: string }, cause: unknown): SyncError =>
  syncError(
    'SYNC_TABLE_REFUSED',
    `Postgres rejects a statement of this command: ${facts.said.replace(/\.$/, '')}. A table, column, constraint, trigger or right ` +
      'of schema scopestack or sync was changed: repair it, and run the command again.',
    { facts, cause },
  )
