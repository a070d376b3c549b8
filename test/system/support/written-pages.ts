import { readCheckpoints } from '../../support/tables/progress.ts'
import type { Setting } from './setting.ts'

/** Numbers of the pages of clients that the running snapshot has recorded as written; the list does not change. */
export async function writtenPages({ sql }: Pick<Setting, 'sql'>): Promise<Set<number>> {
  const [row] = await readCheckpoints(sql, ['chains'], { resource: 'clients' })
  const chains = row?.chains ?? []
  const pages = chains.flatMap(({ first, next }, index) => {
    // A chain ends where it meets the one below it.
    const behind = next > 0 ? next : (chains[index - 1]?.first ?? 0)
    return Array.from({ length: first - behind }, (_, at) => behind + 1 + at)
  })
  return new Set(pages)
}
