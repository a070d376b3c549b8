import type { PageChain } from '../../../src/remote/pages/reverse-pages.ts'
import type { Setting } from './setting.ts'

/** Numbers of the pages of clients that the snapshot under way speaks of as written; the list stands still. */
export async function writtenPages({ sql }: Pick<Setting, 'sql'>): Promise<Set<number>> {
  const [row] = await sql<{ chains: PageChain[] | null }[]>`select chains from sync.cursors where resource = 'clients'`
  const chains = row?.chains ?? []
  const pages = chains.flatMap(({ first, next }, index) => {
    // A chain that has ended met the one below it.
    const behind = next > 0 ? next : (chains[index - 1]?.first ?? 0)
    return Array.from({ length: first - behind }, (_, at) => behind + 1 + at)
  })
  return new Set(pages)
}
