/**
 * The views of schema `scopestack_live`: of each mirrored table its living rows, of each to-many its pairs, of user-defined fields a
 * column each. What they are is SQL (migrations/0022_living_views.sql), so that a statement that adds a column can have them follow.
 */
import { codeOf, isLimitError, type Database } from '../../connection/database.ts'
import { USER_DEFINED } from '../user-defined-triggers.ts'

/** @throws the driver's error where this role may not create schemas. */
export async function restoreLiveSchema(sql: Database): Promise<void> {
  const [there] = await sql`select where to_regnamespace('scopestack_live') is not null`
  if (there === undefined) await sql`select sync.make_live_schema()`
}

/** A view that was made or changed, or could not be: `busy` where a report reads it, which the next call tries again. */
export interface LiveViewResult {
  readonly view: string
  readonly outcome: 'made' | 'changed' | 'busy' | 'failed'
  readonly problem: string | null
}

/**
 * Writes and locks nothing where the views are right. Waits 0.2 s at most for who reads a view, and then leaves it as it is.
 *
 * @param table only the views of this one.
 */
export async function refreshLiveViews(sql: Database, table: string | null = null): Promise<LiveViewResult[]> {
  try {
    return await sql<LiveViewResult[]>`
      select view_name as view, outcome, problem from sync.refresh_live_views(${table})`
  } catch (error) {
    // A role without rights on schema sync, or a schema of an older release: the next "migrate" of the owner does it.
    if (/^(42501|42883)$/.test(codeOf(error))) return []
    throw error
  }
}

/**
 * The views of all tables; table by table where a limit, such as a statement_timeout of DATABASE_URL, ends that. A start does not fail
 * of a limit: "doctor" names the views that are not as they should be, and the next start tries them again.
 */
export async function refreshAllLiveViews(sql: Database): Promise<void> {
  const unlessLimited = async (work: Promise<unknown>): Promise<boolean> =>
    await work.then(
      () => true,
      (error: unknown) => {
        if (!isLimitError(error)) throw error
        return false
      },
    )
  if (await unlessLimited(refreshLiveViews(sql))) return
  const tables = await sql<{ name: string }[]>`
    select relname as name from pg_class where relnamespace = to_regnamespace('scopestack') and relkind in ('r', 'p') order by 1`
  for (const { name } of tables) await unlessLimited(refreshLiveViews(sql, name))
}

/** Where the definitions of all user-defined fields are. */
const DEFINITIONS = 'project_variables'

/**
 * Brings the views of user-defined fields up to date with rows that a run has written. A run does not fail of it: what could not be
 * done is in `sync.live_views`, and comes with the next.
 */
export async function followFields(sql: Database, table: string): Promise<void> {
  if (table === DEFINITIONS) await refreshLiveViews(sql).catch(() => [])
  else if (USER_DEFINED.has(table)) await refreshLiveViews(sql, table).catch(() => [])
}

/** At the end of a run: views that could not be made before, as a report was reading them, or another session was making views. */
export async function retryLiveViews(sql: Database): Promise<void> {
  try {
    const tables = await sql<{ name: string }[]>`
      select distinct table_name as name from sync.live_views where problem is not null`
    for (const { name } of tables) await refreshLiveViews(sql, name)
  } catch {
    // As above: the run is over, and has done its work.
  }
}

export interface LiveViewState {
  readonly views: number
  /** Views that are not as their tables ask for, and why. */
  readonly problems: readonly { readonly view: string; readonly problem: string }[]
  /** Columns that are kept for views of users, `projects_fields.region`, though what they showed is gone or has another type. */
  readonly kept: readonly string[]
}

export async function readLiveViews(sql: Database): Promise<LiveViewState> {
  const [state] = await sql<LiveViewState[]>`
    select (select count(*)::int from sync.live_views) as views,
      (select coalesce(json_agg(json_build_object('view', name, 'problem', problem) order by name), '[]')
        from sync.live_views where problem is not null) as problems,
      (select coalesce(json_agg(c.relname || '.' || a.attname order by 1), '[]')
        from sync.live_views l join pg_class c on c.oid = l.relation join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
        where col_description(c.oid, a.attnum) ~ ': kept for the views that are made of this one[.]$') as kept`
  return state!
}
