/**
 * A member that every record carried and some no longer do: withheld from the role, removed from the API, or refused as an
 * include. Its column keeps the last value, and no run over the resource is `ok` until a complete read finds the member
 * again, it is no longer declared, or the operator accepts the loss.
 */
import type { Resource } from '../../catalog/resource.ts'
import type { Mirror } from '../../store/mirror/load.ts'
import { onlyDeclared, NO_SEEN_MEMBERS, withMissedMembers, type SeenMembers } from '../../store/mirror/seen-members.ts'
import type { Capabilities } from '../../store/progress/known.ts'
import type { MembersShown } from '../../store/progress/shared-list.ts'
import { worstOutcome } from '../../store/runs/runs.ts'
import type { SnapshotResult } from './snapshot-options.ts'

const NAME = 'told'

/** The members that every record is expected to carry; undefined before the first complete read. */
export function expectedMembers(capabilities: Capabilities, resource: Resource): SeenMembers | undefined {
  const value = capabilities.get(NAME)?.value as SeenMembers | undefined
  return value === undefined ? undefined : onlyDeclared(value, resource)
}

/** What every record has carried, to be saved at the end of a read. A missed member stays expected until it comes back. */
export const membersSeen = (seen: SeenMembers, expected: SeenMembers | undefined, missed: readonly string[]) => ({
  [NAME]: withMissedMembers(seen, expected ?? NO_SEEN_MEMBERS, missed),
})

/** What all records carried, and what none did, where several processes have read some of them each. */
export function shownByAll(mirror: Mirror, others: readonly MembersShown[]): MembersShown {
  const own = { seen: mirror.seenMembers(), unseen: mirror.unseenAttributes() }
  // A process whose pages held no record has seen no member.
  const all = own.seen.attributes.length + own.seen.ends.length > 0 || others.length === 0 ? [own, ...others] : others
  const inAll = (of: (shown: MembersShown) => readonly string[]): string[] =>
    all.map(of).reduce((one, other) => one.filter((name) => other.includes(name))) as string[]
  return {
    unseen: inAll(({ unseen }) => unseen),
    seen: {
      attributes: inAll(({ seen }) => seen.attributes),
      ends: inAll(({ seen }) => seen.ends),
      explicit: inAll(({ seen }) => seen.explicit),
      undeclared: inAll(({ seen }) => seen.undeclared),
    },
  }
}

/** The result; at best `incomplete` while a member is withheld. */
export function flagWithheld(resource: Resource, members: readonly string[], result: SnapshotResult): SnapshotResult {
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
function columnsOf({ columns, added }: Resource, members: readonly string[]): string {
  const names = members.map(
    (member) => [...columns, ...added].find((one) => one.member === member)?.name ?? `sync_extra.${member}`,
  )
  const more = names.length - SHOWN
  return names.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
