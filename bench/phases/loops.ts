/**
 * What one would write instead: request the pages, JSON.parse, and an upsert of a thousand rows, or of one. It knows no deletes,
 * no edits, no retries, and nothing is proved; only its pages are requested as many at a time as the worker's.
 */
import postgres from 'postgres'
import { mapConcurrent } from '../../src/map-concurrent.ts'
import type { Opened, PhaseOptions } from './phase.ts'
import { requestToken } from './token.ts'

interface Phase {
  readonly id: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly relationships: { readonly account: { readonly data: { readonly id: string } } }
}

const COLUMNS = ['id', 'active', 'name', 'position', 'sow_language', 'account_id'] as const

const rowOf = ({ id, attributes, relationships }: Phase) => ({
  id,
  active: attributes['active'] as boolean,
  name: attributes['name'] as string,
  position: attributes['position'] as number,
  sow_language: attributes['sow-language'] as string,
  account_id: relationships.account.data.id,
})

export async function openLoop({ inFlight = 8, records: most }: PhaseOptions, atOnce: number): Promise<Opened> {
  const sql = postgres(process.env['DATABASE_URL']!, { onnotice: () => {} })
  await sql`create table if not exists phases (
    id text primary key, active boolean, name text, position integer, sow_language text, account_id text)`
  const token = await requestToken()
  const read = async (page: number): Promise<{ data: Phase[]; meta: { 'page-count': number } }> => {
    const query = `include=account&filter[active]=true,false&page[size]=100&page[number]=${page}`
    const response = await fetch(`${process.env['SCOPESTACK_API_URL']}/demo/v1/phases?${query}`, {
      headers: { authorization: `Bearer ${token}`, accept: 'application/vnd.api+json' },
    })
    return (await response.json()) as { data: Phase[]; meta: { 'page-count': number } }
  }
  const write = (rows: ReturnType<typeof rowOf>[]) => sql`
    insert into phases ${sql(rows, ...COLUMNS)} on conflict (id) do update set
      active = excluded.active, name = excluded.name, position = excluded.position,
      sow_language = excluded.sow_language, account_id = excluded.account_id`
  return {
    async act() {
      const first = await read(1)
      let waiting = first.data.map(rowOf)
      let records = waiting.length
      const pageCount = Math.min(first.meta['page-count'], Math.ceil((most ?? Infinity) / 100))
      const others = Array.from({ length: pageCount - 1 }, (_, index) => index + 2)
      const flush = async (least: number): Promise<void> => {
        while (waiting.length >= least && waiting.length > 0) {
          const rows = waiting.slice(0, atOnce)
          waiting = waiting.slice(atOnce)
          await write(rows)
        }
      }
      await mapConcurrent(others, inFlight, async (page) => {
        const { data } = await read(page)
        records += data.length
        waiting.push(...data.map(rowOf))
        await flush(atOnce)
      })
      await flush(1)
      return { records }
    },
    close: () => sql.end(),
  }
}
