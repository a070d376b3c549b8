/**
 * How the changes of a resource can be asked for. Nobody could observe what ScopeStack really does with either way (API
 * notes §4, §10), so both are tried before they are trusted, once a day.
 */
import type { Client } from '../remote/client.ts'
import { fetchPage, type ListRequest, type Page } from '../remote/pages.ts'
import { isObject } from '../remote/document.ts'
import type { RemoteRecord, Resource } from '../resource.ts'
import type { Database } from '../store/database.ts'
import { readCapability, saveCapability } from '../store/findings.ts'
import { newestRow } from '../store/watermarks.ts'
import { reconnecting } from './reconnect.ts'
import { isRefusal } from './request.ts'

/** `filter`: by `filter[updated-at.after]` · `sort`: newest first, back to the watermark · `none`: only by reading it all. */
export type Strategy = 'filter' | 'sort' | 'none'

const CHANGED = 'updated-at'
const AFTER = `${CHANGED}.after`
const DAY_MS = 24 * 60 * 60_000

interface Deps {
  readonly sql: Database
  readonly client: Client
}

export async function strategyFor(
  { sql, client }: Deps,
  resource: Resource,
  request: ListRequest,
  signal: AbortSignal,
): Promise<Strategy> {
  const known = await reconnecting(() => readCapability(sql, resource.type, 'changes'), signal)
  if (known !== undefined && known.ageMs < DAY_MS) return known.value as Strategy
  const newest = await reconnecting(() => newestRow(sql, resource), signal)
  // Of an empty list nothing can be learned.
  if (newest === undefined) return 'none'
  const found = (await isFilterEffective(client, resource, request, newest.at, signal))
    ? 'filter'
    : (await isSortEffective(client, request, signal))
      ? 'sort'
      : 'none'
  await reconnecting(() => saveCapability(sql, resource.type, 'changes', found), signal)
  return found
}

/** Records changed on the day before `at` or later: the filter goes by days (API notes §4). */
export const changedSince = (request: ListRequest, at: Date): ListRequest => ({
  ...request,
  query: { ...request.query, [`filter[${AFTER}]`]: new Date(at.getTime() - DAY_MS).toISOString().slice(0, 10) },
})

export const newestFirst = (request: ListRequest): ListRequest => ({
  ...request,
  query: { ...request.query, sort: `-${CHANGED}` },
})

const FAR = new Date('2999-01-01T00:00:00Z')

/** A day far ahead must leave nothing, and the day before the newest known change must leave something. */
async function isFilterEffective(
  client: Client,
  { filters }: Resource,
  request: ListRequest,
  newest: Date,
  signal: AbortSignal,
): Promise<boolean> {
  if (!filters.includes(AFTER)) return false
  const ask = (at: Date) => unlessRefused(fetchPage(client, { ...changedSince(request, at), pageSize: 1 }, 1, signal))
  const none = await ask(FAR)
  if (none === undefined || none.ids.length > 0) return false
  return ((await ask(newest))?.ids.length ?? 0) > 0
}

async function isSortEffective(client: Client, request: ListRequest, signal: AbortSignal): Promise<boolean> {
  const page = await unlessRefused(fetchPage(client, newestFirst(request), 1, signal))
  return page !== undefined && page.records.some((record) => changeTime(record) !== null) && isNewestFirst(page)
}

/** Where those that tell no time stand is the server's affair. */
export function isNewestFirst({ records }: Pick<Page, 'records'>): boolean {
  const times = records.map(changeTime).filter((time) => time !== null)
  return times.every((time, index) => index === 0 || time <= times[index - 1]!)
}

/** Milliseconds; null where it is no time. */
export function changeTime({ attributes }: RemoteRecord): number | null {
  const value = isObject(attributes) ? attributes[CHANGED] : undefined
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(time) ? null : time
}

async function unlessRefused(page: Promise<Page>): Promise<Page | undefined> {
  try {
    return await page
  } catch (error) {
    if (isRefusal(error)) return undefined
    throw error
  }
}
