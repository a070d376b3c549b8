/**
 * A member that every record carried, and that some no longer do: withheld from the role, taken out of the API, or refused
 * as an include. Its column keeps what was told last, and no run over the resource is `ok` until the member is back in a
 * whole reading, is no longer declared, or a person accepts it.
 */
import type { Resource } from '../../catalog/resource.ts'
import type { Database, Transaction } from '../../store/connection/database.ts'
import type { Mirror } from '../../store/mirror/load.ts'
import { onlyDeclared, NO_SEEN_MEMBERS, withMissedMembers, type SeenMembers } from '../../store/mirror/seen-members.ts'
import { readCapability, saveCapability } from '../../store/progress/capabilities.ts'
import { readWithheldMembers, clearWithheldDrift } from '../../store/progress/drift.ts'
import { worstOutcome } from '../../store/runs/runs.ts'
import type { SnapshotResult } from './snapshot.ts'

const NAME = 'told'

/** What every record is expected to carry; undefined where nobody has read all of it yet. */
export async function readExpectedMembers(sql: Database, resource: Resource): Promise<SeenMembers | undefined> {
  const value = (await readCapability(sql, resource.type, NAME))?.value as SeenMembers | undefined
  return value === undefined ? undefined : onlyDeclared(value, resource)
}

interface Reading {
  readonly mirror: Mirror
  readonly expected: SeenMembers | undefined
  readonly startedAt: Date
  /** Every record was met. */
  readonly whole: boolean
  /** None was left out because its page came as it was before. */
  readonly parsedAll: boolean
  /** A person takes what is told now for all there is. */
  readonly accepted: boolean
}

/** At the end of a reading. What is missed stays expected until it comes back. */
export async function saveSeenMembers(tx: Transaction, resource: Resource, reading: Reading): Promise<void> {
  const { mirror, expected, startedAt, whole, parsedAll, accepted } = reading
  // A page that lacks something is not remembered, so a whole reading has looked at all that do.
  if (accepted || whole) await clearWithheldDrift(tx, resource.type, accepted ? null : startedAt)
  if (!parsedAll) return
  const missed = await readWithheldMembers(tx, resource.type)
  await saveCapability(
    tx,
    resource.type,
    NAME,
    withMissedMembers(mirror.seenMembers(), expected ?? NO_SEEN_MEMBERS, missed),
  )
}

/** The result, unless something is withheld: then it is not as good as it looks. */
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

/** Why rows that are equal in all that was compared may differ all the same; null when nothing was left out. */
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

/** As the table calls them. */
function columnsOf({ columns }: Resource, members: readonly string[]): string {
  const names = members.map((member) => columns.find((one) => one.member === member)?.name ?? `sync_extra.${member}`)
  const more = names.length - SHOWN
  return names.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
