/** What a read of a resource needs, and what it gives: whole (`snapshot.ts`), or only what changed (`incremental/`). */
import type { Resource } from '../../catalog/resource.ts'
import type { Client } from '../../remote/client.ts'
import type { Database } from '../../store/connection/database.ts'
import type { Lease, Leases } from '../../store/fleet/leases.ts'
import type { Known } from '../../store/progress/known.ts'
import type { Outcome, RecordCounts } from '../../store/runs/runs.ts'
import type { ListContext } from '../list/list-request.ts'
import type { ReadContext } from '../list/read-page.ts'
import type { ReadPlan } from '../list/read-plan.ts'

export interface SnapshotDeps extends ListContext {
  readonly sql: Database
  readonly client: Client
  readonly concurrency: number
  /** Share of a table's rows that one run may mark deleted, in percent. */
  readonly deleteLimit: number
  /** Days for which a 304 is trusted; then every page is transferred once. */
  readonly recheckDays: number
  /** Resolves once this run has read that type; left out: it has. */
  readonly whenRead?: (type: string) => Promise<void>
  /** Of a worker that takes jobs: others may read a part of a long list. */
  readonly sharing?: Sharing | undefined
}

/** What a resource is shared by; only a worker that takes jobs has it. */
export interface Sharing {
  readonly leases: Leases
  /** `host, process 123` */
  readonly holder: string
  readonly version: string
  /** SYNC_SHARE_PAGES: a list with fewer pages left is read by one process; 0: any is. */
  readonly fromPages: number
  /** How many other worker processes of this release live. */
  others(): Promise<number>
  /** Asks so many of them to help. */
  call(runId: number, resource: string, count: number): Promise<void>
}

export interface SnapshotResult extends RecordCounts {
  readonly outcome: Outcome
  readonly message: string | null
}

export interface SnapshotOptions {
  /** The run it is part of. */
  readonly runId?: number
  readonly resource: Resource
  readonly lease: Lease
  readonly known: Known
  /** The database's clock is so much ahead of ScopeStack's (`record-times.ts`). */
  readonly aheadMs: number
  /** Begin again even where an interrupted snapshot could go on. */
  readonly restart: boolean
  /** Parse and load every page, even those that did not change. */
  readonly reloadAll: boolean
  readonly allowMassDelete: boolean
  /** Accept that records lack members that every record had. */
  readonly acceptWithheld: boolean
  /** An interrupted snapshot that began then or later goes on, however old; null: only a young one does. */
  readonly resumeFrom: Date | null
  /** For an incremental read: changes since this day; null: since the watermark. */
  readonly since: Date | null
  readonly signal: AbortSignal
  readonly onProgress: (progress: SnapshotProgress) => void
}

export interface SnapshotProgress {
  /** Records read, those of an interrupted run included. */
  readonly records: number
  /** Those of them that an interrupted run had read. */
  readonly resumed: number
  readonly total: number | null
}

export interface PassDeps extends ReadContext {
  readonly sql: Database
  readonly slug: string
  readonly resource: Resource
  readonly plan: ReadPlan
  /** `requestDigest` of the plan. */
  readonly digest: string
  /** Days for which a 304 is trusted. */
  readonly recheckDays: number
  readonly known: Known
  readonly lease: Lease
}
