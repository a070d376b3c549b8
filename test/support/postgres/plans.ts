/**
 * The work of a statement as Postgres counts it: pages, rows and compilation, for tests that hold costs to what a statement is
 * about.
 */
import postgres from 'postgres'
import type { Database } from '../../../src/store/connection/database.ts'

/** The work of statements, also of those inside functions and triggers. */
export interface Work {
  /** Pages read. */
  readonly buffers: number
  /** Rows that any step of a plan read, also those it filtered out. */
  readonly rows: number
  /** Statements that were compiled (JIT). */
  readonly compiled: number
}

export interface Watched {
  /** All its statements are watched; a connection as an editor's client opens it, without planner settings. */
  readonly sql: Database
  /** Of the statements of `act`. */
  readonly workOf: (act: () => Promise<unknown>) => Promise<Work>
}

/** By auto_explain, which is part of Postgres; it reports each statement at its end. One connection. */
export async function watchPlans(url: string): Promise<Watched> {
  let noted: Node[] = []
  const onnotice = ({ message = '' }: { message?: string }): void => {
    const at = message.indexOf('plan:\n')
    if (at >= 0) noted.push(JSON.parse(message.slice(at + 6)) as Node)
  }
  const sql = postgres(url, { max: 1, onnotice, fetch_types: false, connection: { client_min_messages: 'notice' } })
  await sql`load 'auto_explain'`
  for (const [name, value] of Object.entries(SETTINGS))
    await sql`select set_config(${`auto_explain.${name}`}, ${value}, false)`
  return {
    sql,
    async workOf(act) {
      noted = []
      await act()
      return noted.reduce(
        (sum, { Plan: plan, JIT: jit }) => add(sum, workOfNode(plan!), jit === undefined ? 0 : 1),
        NOTHING,
      )
    },
  }
}

// --- internal ---

const SETTINGS = {
  log_level: 'notice',
  log_format: 'json',
  log_nested_statements: 'on',
  log_analyze: 'on',
  log_buffers: 'on',
  log_timing: 'off',
  // Last: from here on every statement is reported.
  log_min_duration: '0',
}

interface Node {
  readonly [key: string]: unknown
  readonly Plan?: Node
  readonly Plans?: readonly Node[]
}

const NOTHING: Work = { buffers: 0, rows: 0, compiled: 0 }

const add = (a: Work, b: Work, compiled: number): Work => ({
  buffers: a.buffers + b.buffers,
  rows: a.rows + b.rows,
  compiled: a.compiled + compiled,
})

/** Page counts of a step include those of the steps below; row counts do not. */
function workOfNode(node: Node): Work {
  const count = (name: string): number => Number(node[name] ?? 0)
  const passed = [
    'Actual Rows',
    'Rows Removed by Filter',
    'Rows Removed by Join Filter',
    'Rows Removed by Index Recheck',
  ]
  const own = Math.round(passed.reduce((sum, name) => sum + count(name), 0) * count('Actual Loops'))
  const below = (node.Plans ?? []).map((child) => workOfNode(child).rows)
  const rows = below.reduce((sum, one) => sum + one, own)
  return { buffers: count('Shared Hit Blocks') + count('Shared Read Blocks'), rows, compiled: 0 }
}
