import type { Client } from '../../../src/remote/client.ts'
import type { ListRequest } from '../../../src/remote/pages/pages.ts'

export const request: ListRequest = { path: '/demo/v1/clients', query: {}, pageSize: null }

interface Counts {
  readonly 'record-count'?: number
  readonly 'page-count'?: number
}

export interface PagedList {
  /** What it holds now, in its order. */
  ids: string[]
  /** Numbers of the pages asked for, in that order. */
  readonly asked: number[]
  readonly client: Client
}

interface Options {
  readonly ids: Iterable<string>
  readonly size: number
  /** Before a page is put together: to change the list, or to hold the answer up. */
  readonly before?: (number: number, list: PagedList) => unknown
  /** What is said of the list. */
  readonly meta?: (counts: Counts) => Counts
}

export const numbered = (count: number, from = 1): string[] =>
  Array.from({ length: count }, (_, index) => String(from + index))

/** A list whose pages are made of what it holds when they are answered, so that a test can change it while it is read. */
export function pagedList({ ids, size, before, meta = (counts) => counts }: Options): PagedList {
  const write = () => Promise.reject(new Error('a list is only read'))
  const list: PagedList = { ids: [...ids], asked: [], client: { get, write, time: () => null } }
  async function get(...[path, judge, signal]: Parameters<Client['get']>): Promise<never> {
    signal.throwIfAborted()
    const number = Number(new URLSearchParams(path.split('?')[1]).get('page[number]'))
    list.asked.push(number)
    await before?.(number, list)
    signal.throwIfAborted()
    const data = list.ids.slice((number - 1) * size, number * size).map((id) => ({ type: 'clients', id }))
    const counts = { 'record-count': list.ids.length, 'page-count': Math.ceil(list.ids.length / size) }
    return judge(JSON.stringify({ data, meta: meta(counts) }), path, undefined) as never
  }
  return list
}
