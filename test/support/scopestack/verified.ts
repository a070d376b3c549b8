/** One resource, compared with ScopeStack. */
import type { Resource } from '../../../src/catalog/resource.ts'
import type { Difference } from '../../../src/sync/verify/differences.ts'
import { verifyResource, type VerifyResult } from '../../../src/sync/verify/verify.ts'
import { withLease } from '../../../src/sync/with-lease.ts'
import type { TestWorker } from './worker.ts'

export interface Found extends VerifyResult {
  readonly reported: readonly Difference[]
}

export const verify = (worker: TestWorker, type: string, how: { readonly repair?: boolean } = {}): Promise<Found> =>
  verifyAs(worker, worker.catalog.get(type)!, how)

/** The same by another declaration than the catalog's. */
export async function verifyAs(worker: TestWorker, resource: Resource, { repair = false } = {}): Promise<Found> {
  const reported: Difference[] = []
  const { type } = resource
  const onDifference = (one: Difference): void => void reported.push(one)
  const found = await withLease(worker.leases, type, new AbortController().signal, (signal, lease) =>
    verifyResource(worker, { resource, lease, repair, signal, onDifference, onProgress: () => {} }),
  )
  return { ...found, reported }
}

export const EQUAL = {
  missing: 0,
  extra: 0,
  different: 0,
  refused: 0,
  repaired: 0,
  edited: 0,
  doubt: null,
  reported: [],
}
