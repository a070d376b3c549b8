/**
 * Reads reports: what there is, and the rows of one. A role that may read schema scopestack and nothing else can do it, so
 * nothing of schema sync is looked at.
 */
import { notMigrated, schemaOlder } from '../../errors/database.ts'
import { quote, type Database, type Transaction } from '../../store/connection/database.ts'
import { REPORTS } from './definitions.ts'
import type { Report } from './report.ts'
import { columnsOf, statementOf, type Request } from './statement.ts'

export interface ReportFacts {
  /** What it shows, in a sentence. */
  readonly about: string
  /** What one row is. */
  readonly grain: string
  /** Its columns in their order, with their types. */
  readonly columns: ReadonlyMap<string, string>
}

/** @throws SyncError SYNC_DATABASE_REFUSED when the database has no tables of ours, or not this version's. */
export async function readFacts(sql: Database): Promise<ReadonlyMap<string, ReportFacts>> {
  const views = REPORTS.map(({ view }) => view)
  const rows = await sql<{ view: string; comment: string | null; columns: [string, string][] }[]>`
    select c.relname as view, obj_description(c.oid, 'pg_class') as comment,
      json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod)) order by a.attnum) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = to_regnamespace('scopestack') and c.relkind = 'v' and c.relname in ${sql(views)}
    group by c.oid, c.relname`
  if (rows.length === 0) throw notMigrated()
  if (rows.length < views.length) throw schemaOlder()
  return new Map(
    rows.map(({ view, comment, columns }) => [view, { ...describe(comment ?? ''), columns: new Map(columns) }]),
  )
}

/** The comment of a view says what it shows, and then what one row is. */
function describe(comment: string): Pick<ReportFacts, 'about' | 'grain'> {
  const [, before = comment, grain = '', after = ''] = /^(.*?)(One row per [^.]*\.?)(.*)$/s.exec(comment) ?? []
  return { about: `${before.trim()} ${after.trim()}`.trim(), grain: grain.trim() }
}

export interface Rows {
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  /** Each value as Postgres writes it, so that no digit is lost. */
  readonly values: readonly (readonly (string | null)[])[]
}

export async function readRows(sql: Database, report: Report, request: Request, facts: ReportFacts): Promise<Rows> {
  const held = [...facts.columns.keys()]
  const columns = columnsOf(report, request.by, held).map(({ name, isKey }) => ({
    name,
    type: facts.columns.get(name) ?? (isKey ? 'date' : 'numeric'),
  }))
  const { text, parameters } = statementOf(report, request, held)
  const written = columns.map(({ name }) => `${quote(name)}::text`).join(', ')
  const values = await exactly(sql, (tx) =>
    tx.unsafe(`select ${written} from (\n${text}\n) r`, [...parameters]).values(),
  )
  return { columns, values: values as unknown as (string | null)[][] }
}

/** Each row as JSON, in which numbers have all their digits. */
export async function readJson(sql: Database, report: Report, request: Request, facts: ReportFacts): Promise<string[]> {
  const { text, parameters } = statementOf(report, request, [...facts.columns.keys()])
  const lines = await exactly(sql, (tx) =>
    tx.unsafe<{ line: string }[]>(`select to_json(r)::text as line from (\n${text}\n) r`, [...parameters]),
  )
  return lines.map(({ line }) => line)
}

/** Whether anything was ever read into the tables. */
export async function wasPulled(sql: Database): Promise<boolean> {
  const [row] = await sql<{ any: boolean }[]>`
    select exists (select from scopestack.sync_status where data_as_of is not null) as any`
  return row!.any
}

/**
 * Times in UTC, as in the views. Without the compiler: on statements this wide it takes longer than they do (migration 0024).
 */
const exactly = async <T>(sql: Database, act: (tx: Transaction) => Promise<T>): Promise<T> =>
  (await sql.begin('read only', async (tx) => {
    await tx.unsafe("set local timezone = 'UTC'; set local jit = off")
    return await act(tx)
  })) as T
