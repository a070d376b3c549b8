/**
 * What a person decides of a member and its column: to add, drop, rename or retype it, to pin it, or to have none. Under the lease of
 * the resource, so that no read works with the columns as they were; what reads just now is waited for.
 */
import { wrongColumnName, freeColumnName } from '../../catalog/column-names.ts'
import type { Column, Kind, Resource } from '../../catalog/resource.ts'
import { usage } from '../../errors/commands.ts'
import { columnRefused, columnUsed } from '../../errors/resources.ts'
import { sleep } from '../../remote/http/retry.ts'
import {
  addColumns,
  alterTable,
  dropColumn,
  finishRetyped,
  indexColumns,
  prepareRetyped,
  renameAdded,
} from '../../store/columns/alter.ts'
import {
  isAdded,
  readDecisions,
  saveDecisions,
  withColumnsOf,
  type AddedColumn,
  type ColumnDecision,
} from '../../store/columns/decisions.ts'
import { dependentsOf } from '../../store/columns/dependents.ts'
import { readEvidence, readMembers } from '../../store/columns/evidence.ts'
import { copyColumn, fillColumns } from '../../store/columns/fill.ts'
import { followColumns } from '../../store/columns/follow.ts'
import { readTable } from '../../store/columns/table.ts'
import type { Database, Transaction } from '../../store/connection/database.ts'
import type { Lease } from '../../store/fleet/leases.ts'
import { readKnown } from '../../store/progress/known.ts'
import { writeAllAgain } from '../check-table.ts'
import { commentOf } from './choose-columns.ts'
import { decide } from './decide.ts'

export interface Changing {
  readonly sql: Database
  readonly lease: Lease
  /** As the catalog declares it. */
  readonly resource: Resource
  /** Who typed the command. */
  readonly by: string
  readonly signal: AbortSignal
  /** The table is used by another session. */
  readonly onBusy: (message: string) => void
}

/** @returns what is to be said of it. */
export type Change = (changing: Changing, member: string) => Promise<string>

/** Between two tries at a table that another session uses. */
const PAUSE_MS = 500

const READ_AGAIN = 'the next run reads the resource once more in full'

export const addMember =
  (options: { readonly name: string | undefined; readonly kind: Kind | undefined }): Change =>
  async (changing, member) => {
    const { sql, lease, resource, by } = changing
    const decisions = await readDecisions(sql, resource.type)
    const held = decisions.find((one) => one.member === member)
    if (held !== undefined && isAdded(held)) throw usage(`"${member}" is column ${held.column} already.`)
    const planned = await planColumn(changing, member, options)
    const { columns: taken } = await readTable(sql, resource)
    const column = nameFor(member, planned.part, options.name, taken)
    const added = { ...planned, member, column, state: 'added', decidedBy: by, reason: null } as const
    await insist(changing, (tx) =>
      addColumns(tx, resource, [
        { ...added, comment: commentOf(member, options.name === undefined ? column : undefined, planned) },
      ]),
    )
    const all = (await readDecisions(sql, resource.type)).filter(isAdded)
    await fillColumns(
      lease,
      resource,
      all.filter((one) => one.member === member),
    )
    if (planned.part === 'to-one') await indexColumns(lease, resource, [column])
    await follow(changing)
    return `${resource.table}.${column} is there, and holds what sync_extra held of "${member}".`
  }

/** By what the rows hold of it; a person may give another type, and where no row holds anything has to. */
async function planColumn(
  { sql, resource }: Changing,
  member: string,
  { kind }: { readonly kind: Kind | undefined },
): Promise<{
  readonly part: Column['from']
  readonly kind: Kind
  readonly target: string | null
  readonly evidence: number
}> {
  const known = (await readMembers(sql, resource)).find((one) => one.member === member)
  const [found] = await readEvidence(sql, resource, [known ?? { member, isEnd: false }])
  const evidence = found?.values ?? 0
  const decision = found === undefined ? { waits: 'no row holds it' } : decide(found)
  if ('part' in decision && decision.part !== 'attribute') {
    if (kind !== undefined) throw usage(`"${member}" is a relationship: its column holds ids, and takes no --type.`)
    return { ...decision, evidence }
  }
  if (kind !== undefined && known?.isEnd !== true) return { part: 'attribute', kind, target: null, evidence }
  if ('part' in decision) return { ...decision, evidence }
  throw usage(
    `"${member}" of ${resource.type} cannot become a column by itself: ${decision.waits}.`,
    'Give it a type: --type text.',
  )
}

function nameFor(member: string, part: Column['from'], name: string | undefined, taken: ReadonlySet<string>): string {
  if (name === undefined) return freeColumnName(member, part, taken)
  const wrong = wrongColumnName(name, taken)
  if (wrong !== null) throw usage(wrong)
  return name
}

export const dropMember: Change = async (changing, member) => {
  const { resource, by } = changing
  const held = await columnOf(changing, member)
  await assertUnused(changing, held)
  await readAgain(changing)
  await insist(changing, (tx) =>
    dropColumn(tx, resource, held, { state: 'dropped', decidedBy: by, reason: `column ${held.column} was dropped` }),
  )
  await follow(changing)
  return `${resource.table}.${held.column} is gone and does not come back by itself; ${READ_AGAIN}, and "${member}" is in sync_extra then.`
}

export const renameMember =
  (name: string): Change =>
  async (changing, member) => {
    const { sql, resource, by } = changing
    const held = await columnOf(changing, member)
    const wrong = wrongColumnName(name, (await readTable(sql, resource)).columns)
    if (wrong !== null) throw usage(wrong)
    await insist(changing, (tx) => renameAdded(tx, resource, held, { name, by }))
    await follow(changing)
    return `${resource.table}.${held.column} is ${name} now. Views keep what they show, under the name they gave it.`
  }

export const retypeMember =
  (kind: Kind): Change =>
  async (changing, member) => {
    const { resource, lease, by } = changing
    const held = await columnOf(changing, member)
    if (held.part !== 'attribute') throw usage(`"${member}" is a relationship: its column holds ids.`)
    if (held.kind === kind) throw usage(`${resource.table}.${held.column} has this type already.`)
    await assertUnused(changing, held)
    // ALTER TYPE would write the table anew, behind a lock on it. No column of a user's and no other member's has such a name.
    const retyped = { ...held, kind, column: `sync_retyped_${held.column.slice(0, 50)}` }
    await insist(changing, (tx) => prepareRetyped(tx, resource, retyped))
    await copyColumn(lease, resource, {
      from: held.column,
      to: { name: retyped.column, kind, from: 'attribute', target: undefined },
    })
    await readAgain(changing)
    await insist(changing, (tx) => finishRetyped(tx, resource, { from: held, to: retyped }, by))
    await follow(changing)
    return `${resource.table}.${held.column} has its new type, and the values that fit it; ${READ_AGAIN}, and the others are in sync_extra then.`
  }

export const pinMember =
  (isPinned: boolean): Change =>
  async ({ lease, resource, by, ...rest }, member) => {
    const held = await columnOf({ lease, resource, by, ...rest }, member)
    await lease.transaction(
      (tx) => tx`
        update sync.columns set pinned = ${isPinned}, decided_by = ${by}, decided_at = now()
        where resource = ${resource.type} and member = ${held.member}`,
    )
    return isPinned
      ? `${resource.table}.${held.column} stays under its name and with its type, also when a later release declares "${member}".`
      : `${resource.table}.${held.column} is taken over by a later release that declares "${member}".`
  }

export const refuseMember: Change = async ({ sql, lease, resource, by }, member) => {
  const held = (await readDecisions(sql, resource.type)).find((one) => one.member === member)
  if (held !== undefined && isAdded(held)) {
    throw usage(`"${member}" is column ${held.column}: drop it, "columns drop ${resource.type} ${member}".`)
  }
  const none = { part: null, column: null, kind: null, target: null, evidence: held?.evidence ?? 0 }
  const decision = { ...none, member, state: 'refused', decidedBy: by, reason: 'a person wants no column' } as const
  await lease.transaction((tx) => saveDecisions(tx, resource.type, [decision]))
  return `"${member}" of ${resource.type} stays in sync_extra, until "columns add" makes a column of it.`
}

async function columnOf({ sql, resource }: Changing, member: string): Promise<AddedColumn> {
  const decisions = await readDecisions(sql, resource.type)
  const held = decisions.find((one): one is ColumnDecision => one.member === member)
  if (held === undefined || !isAdded(held)) {
    const there = decisions.filter(isAdded).map((one) => one.member)
    const all = there.length === 0 ? 'none' : there.join(', ')
    throw usage(`"${member}" of ${resource.type} is no column that was added. Those are: ${all}.`)
  }
  return held
}

async function assertUnused({ sql, resource }: Changing, { column }: AddedColumn): Promise<void> {
  const dependents = await dependentsOf(sql, resource, column)
  if (dependents.length > 0) throw columnUsed({ column: `${resource.table}.${column}`, users: dependents.join(', ') })
}

/** Until the table can be had: a report that is open is waited for, and waits for nothing meanwhile. */
async function insist({ lease, signal, onBusy }: Changing, act: (tx: Transaction) => Promise<void>): Promise<void> {
  let isReported = false
  for (;;) {
    signal.throwIfAborted()
    const refused = await alterTable(lease, act)
    if (refused === null) return
    if (refused.code !== '55P03') throw columnRefused({ said: refused.message })
    if (!isReported) onBusy('Another session uses the table; this waits for it.')
    isReported = true
    // Meanwhile nothing stands in the way of other readers.
    await sleep(PAUSE_MS, signal)
  }
}

async function follow({ sql, resource }: Changing): Promise<void> {
  await followColumns(sql, withColumnsOf(resource, await readDecisions(sql, resource.type)))
}

/** Before values go with their column: a command that is killed in between must not leave rows that look as if they were read. */
async function readAgain({ sql, lease, resource }: Changing): Promise<void> {
  await writeAllAgain(resource, lease, (await readKnown(sql, resource.type)).capabilities)
}
