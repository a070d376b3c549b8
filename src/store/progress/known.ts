/**
 * What earlier reads have left of a resource: its checkpoint, and what the server was found to accept. It is read in one
 * statement when a read begins, and stays true to the database: only the holder of the resource's lease writes either.
 */
import type { Database } from '../connection/database.ts'
import { forgetCapability, saveCapability, type Capability } from './capabilities.ts'
import { snapshotColumns, type Snapshot } from './checkpoint.ts'

export interface Known {
  /** The database's clock when this was read. */
  readonly now: Date
  /** When the last complete snapshot began; null when there was none. */
  readonly asOf: Date | null
  /** Pages of the last complete list. */
  readonly pages: number | null
  readonly watermark: Date | null
  /** The unfinished snapshot of an earlier run. */
  readonly snapshot: Snapshot | undefined
  /** Some pages of its list are in the page cache. */
  readonly cached: boolean
  readonly capabilities: Capabilities
}

/** By name. What is saved in a transaction goes past it, with `saveCapability`, at the end of a read: it may be rolled back. */
export class Capabilities {
  readonly #sql: Database
  readonly #resource: string
  readonly #held: Map<string, Capability>

  constructor(sql: Database, resource: string, held: Readonly<Record<string, Capability>>) {
    this.#sql = sql
    this.#resource = resource
    this.#held = new Map(Object.entries(held))
  }

  get(name: string): Capability | undefined {
    return this.#held.get(name)
  }

  async save(name: string, value: unknown): Promise<void> {
    await saveCapability(this.#sql, this.#resource, name, value)
    this.#held.set(name, { value, ageMs: 0 })
  }

  /** The value proved wrong: the next run probes again. */
  async forget(name: string): Promise<void> {
    if (!this.#held.has(name)) return
    await forgetCapability(this.#sql, this.#resource, name)
    this.#held.delete(name)
  }
}

type Row = Omit<Known, 'snapshot' | 'capabilities'> &
  Snapshot & { readonly capabilities: Readonly<Record<string, Capability>> }

export async function readKnown(sql: Database, resource: string): Promise<Known> {
  const [row] = await sql<Row[]>`
    select now() as now, as_of as "asOf", pages, watermark, ${snapshotColumns(sql)},
      exists (select from sync.known_pages p where p.resource = ${resource}) as cached,
      (select coalesce(jsonb_object_agg(name, jsonb_build_object('value', value,
          'ageMs', (extract(epoch from now() - probed_at) * 1000)::float8)), '{}')
        from sync.capabilities f where f.resource = ${resource}) as capabilities
    from (select) as one left join sync.cursors c on c.resource = ${resource}`
  const { now, asOf, pages, watermark, cached, capabilities, ...snapshot } = row!
  return {
    now,
    asOf,
    pages,
    watermark,
    cached,
    snapshot: snapshot.startedAt === null ? undefined : snapshot,
    capabilities: new Capabilities(sql, resource, capabilities),
  }
}
