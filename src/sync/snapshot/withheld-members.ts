/**
 * A member that every record carried and some no longer do: withheld from the role, removed from the API, or refused as an
 * include. Its column keeps the last value, and no run over the resource is `ok` until a complete read finds the member
 * again, it is no longer declared, or the operator accepts the loss.
 */
import type { Resource } from '../../catalog/resource.ts'
import type { Database } from '../../store/connection/database.ts'
import type { LeasedTransaction } from '../../store/fleet/leases.ts'
import type { Mirror } from '../../store/mirror/load.ts'
import { onlyDeclared, NO_SEEN_MEMBERS, withMissedMembers, type SeenMembers } from '../../store/mirror/seen-members.ts'
import { saveCapability } from '../../store/progress/capabilities.ts'
import { readWithheldMembers, clearWithheldDrift } from '../../store/progress/drift.ts'
import type { Capabilities } from '../../store/progress/known.ts'
import { worstOutcome } from '../../store/runs/runs.ts'
import type { SnapshotResult } from './snapshot-options.ts'

const NAME = 'told'

/** The members that every record is expected to carry; undefined before the first complete read. */
export function expectedMembers(capabilities: Capabilities, resource: Resource): SeenMembers | undefined {
  const value = capabilities.get(NAME)?.value as SeenMembers | undefined
  return value === undefined ? undefined : onlyDeclared(value, resource)
}

interface Reading {
  readonly mirror: Mirror
  readonly expected: SeenMembers | undefined
  readonly startedAt: Date
  /** Every record was seen. */
  readonly complete: boolean
  /** No record was skipped because its page came from the cache. */
  readonly parsedAll: boolean
  /** The operator accepts that records carry no more than now. */
  readonly accepted: boolean
}

/** At the end of a read. A missing member stays expected until it comes back. */
export async function saveSeenMembers(tx: LeasedTransaction, resource: Resource, reading: Reading): Promise<void> {
  const { mirror, expected, startedAt, complete, parsedAll, accepted } = reading
  // A page that lacks a member is never cached, so a complete read has parsed every such page.
  if (accepted || complete) await clearWithheldDrift(tx, resource.type, accepted ? null : startedAt)
  if (!parsedAll) return
  const missed = await readWithheldMembers(tx, resource.type)
  await saveCapability(
    tx,
    resource.type,
    NAME,
    withMissedMembers(mirror.seenMembers(), expected ?? NO_SEEN_MEMBERS, missed),
  )
}

/** The result; at best `incomplete` while a member is withheld. */
export async function flagWithheld(sql: Database, resource: Resource, result: SnapshotResult): Promise<SnapshotResult> {
  const members = await readWithheldMembers(sql, resource.type)
  if (members.length === 0) return result
  const sentence =
    `ScopeStack no longer sends ${columnsOf(resource, members)}, which every record had before: what stands there may be ` +
    `out of date. If that is to be so, run: ${accepting(resource)}`
  const { outcome } = result
  return {
    ...result,
    outcome: worstOutcome([{ outcome }, { outcome: 'incomplete' }]),
    message: result.message === null ? sentence : `${result.message} ${sentence}`,
  }
}

/** Why rows that compared equal may differ all the same; null when every member was compared. */
export function notComparedMessage(
  resource: Resource,
  lacking: ReadonlyMap<string, number>,
  records: number,
): string | null {
  if (lacking.size === 0) return null
  const most = Math.max(...lacking.values())
  return (
    `ScopeStack does not send ${columnsOf(resource, [...lacking.keys()])} in ${most} of ${records} records, though every ` +
    `record had it before: there it could not be compared. If that is to be so, run: ${accepting(resource)}`
  )
}

const accepting = ({ type }: Resource): string => `pull --full --accept-withheld ${type}`

const SHOWN = 12

/** The names of their columns. */
function columnsOf({ columns }: Resource, members: readonly string[]): string {
  const names = members.map((member) => columns.find((one) => one.member === member)?.name ?? `sync_extra.${member}`)
  const more = names.length - SHOWN
  return names.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
