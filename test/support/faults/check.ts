/** Checks the invariants, and looks at the mirror as a reader does while something is going on. */
import { expect } from 'vitest'
import { retried } from '../postgres/retried.ts'
import { INVARIANTS, tableOf, type Evidence, type Invariant } from '../tables/invariants.ts'

export async function expectInvariants(evidence: Evidence, when: Invariant['holds']): Promise<void> {
  for (const { guarantee, says, holds, broken } of INVARIANTS) {
    if (holds === 'at rest' && when === 'always') continue
    // The test's own session may be lost, too.
    expect((await retried(() => broken(evidence))).slice(0, 5), `${guarantee}: ${says}`).toEqual([])
  }
}

/** Looks at the mirror all the while, as a report does. @returns what ends it, with each look that showed less than there was. */
export async function watchAsReader({ sql, types, sim }: Evidence): Promise<() => Promise<readonly unknown[]>> {
  const count = async (): Promise<number[]> => {
    const counts = types.map(
      (type) => `(select count(*)::int from scopestack.${tableOf(type)} where sync_deleted_at is null)`,
    )
    const [row] = await sql.unsafe<{ n: number[] }[]>(`select to_json(array[${counts.join(', ')}]) as n`)
    return row!.n
  }
  const first = await count()
  const state = { over: false }
  const found: unknown[] = []
  const looking = (async () => {
    while (!state.over) {
      // It may be away, too.
      const now = await count().catch(() => undefined)
      types.forEach((type, at) => {
        // Fewer only where fewer records live.
        const least = Math.min(first[at]!, sim.records.list(type).length)
        if (now !== undefined && now[at]! < least) found.push({ type, least, shown: now[at] })
      })
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
  })()
  return async () => {
    state.over = true
    await looking
    return found
  }
}

const LOOK_EVERY_MS = 30
