/**
 * Whether local edits are still captured: the triggers for write-back and for user-defined values exist on every table, are
 * enabled, and call the functions of this version. Without them edits are lost silently, so a trigger that was dropped or
 * disabled is reported (an interrupted restore with --disable-triggers, a recreated table, a replaced function).
 */
import type { Resource } from '../../catalog/resource.ts'
import { withCode } from '../../errors/sync-error.ts'
import type { Database } from '../connection/database.ts'
import { captureSpecOf, type CaptureSpec } from './capture-triggers.ts'
import { readFunctions } from './functions.ts'
import { USER_DEFINED } from './user-defined-triggers.ts'

export interface CaptureFault {
  readonly table: string
  readonly type: string
  /** In the middle of a sentence: `trigger write_back_update is disabled`. */
  readonly faults: readonly string[]
}

interface Standing {
  readonly table: string
  readonly triggers: readonly { readonly name: string; readonly calls: string; readonly on: boolean }[]
  readonly makesIds: boolean
  readonly hasHash: boolean
}

/** The triggers that a table must have: name to function. */
function wantedTriggers({ writes, columns }: CaptureSpec, table: string): Map<string, string> {
  const wanted = new Map([['write_back_refuse', 'refuse']])
  if (writes.length === 0) wanted.set('read_only_update', 'capture_update')
  else {
    for (const event of ['insert', 'update', 'delete']) wanted.set(`write_back_${event}`, `capture_${event}`)
    for (const { name, entries } of columns)
      if (entries !== null) wanted.set(`write_back_entries_${name}`, 'keep_entries')
  }
  if (USER_DEFINED.has(table)) {
    for (const event of ['insert', 'update', 'delete', 'truncate']) {
      wanted.set(`user_defined_values_${event}`, 'keep_user_defined_values')
    }
  }
  return wanted
}

/** A missing table is an error of its resource, and no capture fault. */
export async function findCaptureFaults(sql: Database, resources: readonly Resource[]): Promise<CaptureFault[]> {
  const standing = await sql<Standing[]>`
    select c.relname as "table",
      (select coalesce(json_agg(json_build_object('name', t.tgname, 'calls', p.pronamespace::regnamespace || '.' || p.proname,
          'on', t.tgenabled in ('O', 'A'))), '[]')
        from pg_trigger t join pg_proc p on p.oid = t.tgfoid
        where t.tgrelid = c.oid and (starts_with(t.tgname, 'write_back_') or t.tgname = 'read_only_update' or starts_with(t.tgname, 'user_defined_values_'))) as triggers,
      ${hasDefault(sql, 'id', MAKES_IDS)} as "makesIds", ${hasDefault(sql, 'sync_hash', '%')} as "hasHash"
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'scopestack' and c.relkind in ('r', 'p')`
  const { wrong } = await readFunctions(sql)
  const held = new Map(standing.map((one) => [one.table, one]))
  return resources.flatMap((resource) => {
    const { table, type } = resource
    const found = held.get(table)
    if (found === undefined) return []
    const captured = captureSpecOf(resource)
    const faults = faultsOf(found, wantedTriggers(captured, table), wrong)
    if (captured.writes.length > 0) {
      if (!found.makesIds) faults.push('column id has lost its default')
      if (!found.hasHash) faults.push('column sync_hash has lost its default')
    }
    return faults.length === 0 ? [] : [{ table: `scopestack.${table}`, type, faults }]
  })
}

/** gen_random_uuid() in the server's node notation: its oid is 3432, in every version. */
const MAKES_IDS = '%:funcid 3432 %'

/** `pg_get_expr` would return SQL, but waits for a locked table. */
const hasDefault = (sql: Database, column: string, like: string) => sql`
  exists (select from pg_attribute a join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = c.oid and a.attname = ${column} and not a.attisdropped and d.adbin::text like ${like})`

function faultsOf({ triggers }: Standing, wanted: ReadonlyMap<string, string>, wrong: ReadonlySet<string>): string[] {
  const held = new Map(triggers.map((one) => [one.name, one]))
  return [...wanted].flatMap(([name, calls]) => {
    const one = held.get(name)
    if (one === undefined) return [`trigger ${name} is missing`]
    if (!one.on) return [`trigger ${name} is disabled`]
    if (one.calls !== `sync.${calls}`) return [`trigger ${name} calls ${one.calls}`]
    return wrong.has(calls) ? [`function sync.${calls} was replaced`] : []
  })
}

/** More faults are only counted. */
const MOST_NAMED = 5

/** The faults found by a migration, and whether they were repaired: only the owner of a table may do that. */
export interface CaptureCheck {
  readonly faults: readonly CaptureFault[]
  readonly repaired: boolean
}

/** Null without faults. */
export function describeCheck({ faults, repaired }: CaptureCheck): string | null {
  const what = describeFaults(faults)
  if (what === null) return null
  const edited =
    '"verify" shows the rows that were edited meanwhile: such an edit is sent when it is made again, and "verify --repair" takes it back.'
  const remedy = repaired ? 'That is repaired now' : 'Run "migrate" as the owner of the tables, which repairs it'
  return withCode(`${what} ${remedy}; ${edited}`, 'SYNC_EDITS_LOST')
}

/** Null without faults at this moment. */
export const describeLostEdits = async (sql: Database, resources: readonly Resource[]): Promise<string | null> =>
  describeCheck({ faults: await findCaptureFaults(sql, resources), repaired: false })

function describeFaults(faults: readonly CaptureFault[]): string | null {
  if (faults.length === 0) return null
  const named = faults.slice(0, MOST_NAMED).map(({ table, faults: those }) => `${table} (${those.join(', ')})`)
  const more = faults.length - named.length
  return `Local edits are not noticed, and lost, in ${named.join('; ')}${more > 0 ? ` and ${more} more tables` : ''}.`
}
