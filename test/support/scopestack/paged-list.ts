/** A list in memory, served by pages, that changes while it is read. */
import type { Client } from '../../../src/remote/client.ts'
import type { ListRequest } from '../../../src/remote/pages/page.ts'
import { slotsOf } from './slots.ts'

export const request: ListRequest = { path: '/demo/v1/clients', query: {}, pageSize: null }

interface Counts {
  readonly 'record-count'?: number
  readonly 'page-count'?: number
}

export interface PagedList {
  /** Its records now, in their order. */
  ids: string[]
  /** Numbers of the requested pages, in order. */
  readonly asked: number[]
  readonly client: Client
}

interface Options {
  readonly ids: Iterable<string>
  readonly size: number
  /** Places for requests; without it as many as a chain needs. */
  readonly places?: number
  /** Called before a page is built: to change the list, or to delay the response. */
  readonly before?: (number: number, list: PagedList) => unknown
  /** The counts that the list reports. */
  readonly meta?: (counts: Counts) => Counts
}

export const numbered = (count: number, from = 1): string[] =>
  Array.from({ length: count }, (_, index) => String(from + index))

/** A list whose pages are built from its records at the time of each response, so that a test can change it during a read. */
export function pagedList({ ids, size, places = 1, before, meta = (counts) => counts }: Options): PagedList {
  const write = () => Promise.reject(new Error('a list is only read'))
  const list: PagedList = {
    ids: [...ids],
    asked: [],
    client: { get, write, time: () => null, slots: slotsOf(places) },
  }
  async function get(...[path, parse, signal]: Parameters<Client['get']>): Promise<never> {
    signal.throwIfAborted()
    const number = Number(new URLSearchParams(path.split('?')[1]).get('page[number]'))
    list.asked.push(number)
    await before?.(number, list)
    signal.throwIfAborted()
    const data = list.ids.slice((number - 1) * size, number * size).map((id) => ({ type: 'clients', id }))
    const counts = { 'record-count': list.ids.length, 'page-count': Math.ceil(list.ids.length / size) }
    return parse(JSON.stringify({ data, meta: meta(counts) }), path, undefined) as never
  }
  return list
}
