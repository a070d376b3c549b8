/** What the list reader knows of reading a list together with other processes; `snapshot/share-list.ts` does it. */
import type { PageChain } from '../../remote/pages/page-chains.ts'
import type { ListRequest, Page } from '../../remote/pages/page.ts'
import type { ChainStep } from '../../remote/pages/shared-pages.ts'
import type { PageCache } from './list-reader.ts'

export interface ListSharing {
  /** Asked before the first page and behind each batch. */
  wanted(chains: readonly PageChain[]): Promise<boolean>
  /** Reads on from there, what this process reads of it. @throws SyncError SYNC_LIST_NOT_IN_ORDER, also what another process found. */
  read(list: ListToShare): AsyncGenerator<readonly ChainStep[]>
  /** Whether another process found an ETag that came with two bodies, in this pass. */
  readonly misled: boolean
}

export interface ListToShare {
  readonly request: ListRequest
  readonly chains: readonly PageChain[]
  readonly opening: Page | undefined
  readonly count: number | null
  readonly size: number
  readonly recall: PageCache['recall']
  readonly trust: PageCache['trust']
}
