/**
 * The columns of a resource for one read of it: those that are declared, and those that the account has besides. Under the lease
 * and before anything is read, so that the whole read has one set of them:
 *
 *   dropped by hand?       that is a person's decision, and is kept
 *   fill cut off?          it is done again
 *   new members?           of each that an earlier read reported: what do the rows hold of it? ──► column, fill, index
 *
 * Nothing of it fails a run: what PostgreSQL does not let be done now waits for the next one.
 */
import type { Resource } from '../../catalog/resource.ts'
import { addColumns, alterTable, dropColumn, indexColumns, type NewColumn } from '../../store/columns/alter.ts'
import {
  isAdded,
  readDecisions,
  recordUnfilled,
  saveDecisions,
  withColumnsOf,
  type AddedColumn,
  type ColumnDecision,
  type NewDecision,
} from '../../store/columns/decisions.ts'
import { dependentsOf } from '../../store/columns/dependents.ts'
import { hasUndeclared, readCandidates, readEvidence, type Candidate } from '../../store/columns/evidence.ts'
import { fillColumns, fillDeclared } from '../../store/columns/fill.ts'
import { followColumns } from '../../store/columns/follow.ts'
import { readTable, type TableParts } from '../../store/columns/table.ts'
import type { Database, Transaction } from '../../store/connection/database.ts'
import type { Lease } from '../../store/fleet/leases.ts'
import { isRejectedByDatabase } from '../../store/mirror/rejections.ts'
import { keepInStep } from '../../store/schema/added-trigger.ts'
import { indexName } from '../../store/schema/rename-column.ts'
import { withDbRetry } from '../with-db-retry.ts'
import { chooseColumns } from './choose-columns.ts'

export type NewFields = 'add' | 'report'

interface Opening {
  readonly sql: Database
  /** SYNC_NEW_FIELDS */
  readonly newFields: NewFields
  readonly lease: Lease
  /** `run 12` */
  readonly by: string
  readonly signal: AbortSignal
  /** Before it is recorded that values are gone: a run that is stopped in between finds it again. */
  readonly onLost: () => Promise<void>
}

export interface OpenedColumns {
  readonly resource: Resource
  /** Values are gone with a column that a person has dropped, and have to be read again. */
  readonly isLost: boolean
}

export async function openColumns(opening: Opening, resource: Resource): Promise<OpenedColumns> {
  const { sql, newFields, lease, signal } = opening
  if (!(await withDbRetry(() => hasUndeclared(sql, resource), signal))) return { resource, isLost: false }
  const read = () => withDbRetry(() => readDecisions(sql, resource.type), signal)
  const before = await read()
  const candidates = newFields === 'add' ? await withDbRetry(() => readCandidates(sql, resource), signal) : []
  if (!before.some(isAdded) && candidates.length === 0) return { resource, isLost: false }
  const table = await withDbRetry(() => readTable(sql, resource), signal)
  const lost = before.filter(isAdded).filter(({ column }) => !table.columns.has(column))
  if (lost.length > 0) {
    await opening.onLost()
    await recordLost(lease, resource, lost)
  }
  const isAnother =
    candidates.length > 0 && (await addMembers(opening, withColumnsOf(resource, before), candidates, table.columns))
  const isReplaced = await completeColumns(
    opening,
    resource,
    isAnother || lost.length > 0 ? await read() : before,
    table,
  )
  if (lost.length === 0 && !isAnother && !isReplaced)
    return { resource: withColumnsOf(resource, before), isLost: false }
  const opened = withColumnsOf(resource, await read())
  await withDbRetry(() => followColumns(sql, opened), signal).catch((error: unknown) => {
    // The next migration brings them up to date.
    if (!isRejectedByDatabase(error)) throw error
  })
  return { resource: opened, isLost: lost.length > 0 }
}

/** A value that a trigger or a constraint of a user does not take keeps a column unfilled, and fails no run. */
async function completeColumns(
  ...[opening, resource, decisions, table]: Parameters<typeof complete>
): Promise<boolean> {
  try {
    return await complete(opening, resource, decisions, table)
  } catch (error) {
    if (!isRejectedByDatabase(error)) throw error
    await opening.lease.transaction((tx) => recordUnfilled(tx, resource.type, error.message))
    return false
  }
}

/** What an earlier run, or this one, has begun: fills, indexes, and columns that a release has replaced. @returns whether one went. */
async function complete(
  { sql, lease, by }: Opening,
  resource: Resource,
  decisions: readonly ColumnDecision[],
  { indexes }: TableParts,
): Promise<boolean> {
  const present = decisions.filter(isAdded)
  const unfilled = present.filter(({ state, filledAt }) => state === 'added' && filledAt === null)
  if (unfilled.length > 0) await fillColumns(lease, resource, unfilled)
  const keys = present.filter(({ part }) => part === 'to-one').map(({ column }) => column)
  await indexColumns(
    lease,
    resource,
    keys.filter((column) => !indexes.has(indexName(resource.table, column))),
  )
  let isReplaced = false
  for (const kept of present.filter(({ state }) => state === 'kept')) {
    const declared = resource.columns.find(({ member }) => member === kept.member)
    if (declared === undefined) continue
    if (kept.filledAt === null) await fillDeclared(lease, resource, { declared, kept })
    if (kept.pinned || (await dependentsOf(sql, resource, kept.column)).length > 0) continue
    const becomes = { state: 'declared', reason: `declared as column ${declared.name}`, decidedBy: by } as const
    const refused = await alterTable(lease, (tx) => dropColumn(tx, resource, kept, becomes))
    isReplaced ||= refused === null
  }
  return isReplaced
}

/** What a person has dropped by hand does not come back by itself. */
async function recordLost(lease: Lease, resource: Resource, lost: readonly AddedColumn[]): Promise<void> {
  const decisions = lost.map((one) => ({
    ...one,
    column: null,
    kind: null,
    state: 'dropped' as const,
    decidedBy: 'ALTER TABLE',
    reason: `column ${one.column} was dropped`,
  }))
  const record = (tx: Transaction): Promise<void> => saveDecisions(tx, resource.type, decisions)
  const refused = await alterTable(lease, async (tx) => {
    await record(tx)
    const gone = lost.map(({ column }) => column)
    await keepInStep(tx, resource, gone)
  })
  // The trigger leaves alone what has no column.
  if (refused !== null) await lease.transaction(record)
}

async function addMembers(
  { sql, lease, by, signal }: Opening,
  resource: Resource,
  candidates: readonly Candidate[],
  columns: ReadonlySet<string>,
): Promise<boolean> {
  const evidence = await withDbRetry(() => readEvidence(sql, resource, candidates), signal)
  const { chosen, waiting } = chooseColumns(resource, candidates, evidence, { by, taken: columns })
  const refused = chosen.length === 0 ? null : await alterTable(lease, (tx) => addColumns(tx, resource, chosen))
  if (refused !== null) waiting.push(...chosen.map((one) => blocked(one, refused.message)))
  if (waiting.length > 0) await lease.transaction((tx) => saveDecisions(tx, resource.type, waiting))
  return chosen.length > 0 && refused === null
}

/** It keeps its part, by which the next run knows that nothing but the table was in the way. */
const blocked = (column: NewColumn, message: string): NewDecision => ({
  ...column,
  column: null,
  kind: null,
  state: 'waiting',
  reason: `PostgreSQL did not add it: ${message}`,
})
