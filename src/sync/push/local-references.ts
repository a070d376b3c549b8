/** Which other records a change makes its record refer to. */
import type { Resource } from '../../catalog/resource.ts'
import type { Change } from '../../store/outbox/claim.ts'

/** An id of this database's own, which ScopeStack knows nothing of. */
export const isLocal = (id: unknown): id is string => typeof id === 'string' && id.startsWith('local-')

/** The first that is a row of this database's own. */
export const localReference = ({ columns }: Resource, { attributes, relationships }: Change): string | undefined =>
  columns
    .filter(({ target }) => target !== undefined)
    .map(({ member, from }) => (from === 'attribute' ? attributes : relationships)[member])
    .find(isLocal)
