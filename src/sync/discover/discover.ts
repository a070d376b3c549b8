/** Holds the catalog against a live account. Reads only: nothing is written to the mirror, and no drift is recorded. */
import { defineResource, type Resource } from '../../catalog/resource.ts'
import { endsTheRun, factOf, hasCode, reason, SyncError } from '../../errors/sync-error.ts'
import { differences, isCarried, type Finding } from './difference.ts'
import { createTally } from './evidence.ts'
import { findApiDocument, undeclaredLists } from './openapi.ts'
import { readRelationshipTypes, readSample, type SampleDeps } from './sample.ts'

export interface Discovered {
  /** As it is declared; for one that no file declares, without members. */
  readonly resource: Resource
  readonly declared: boolean
  /** `absent`: no way of reading it answers (404). */
  readonly state: 'read' | 'forbidden' | 'absent' | 'failed'
  /** Why it was not read; empty when it was. */
  readonly message: string
  /** Records its list has; null when nothing says so. */
  readonly total: number | null
  /** Records looked at. */
  readonly met: number
  readonly findings: readonly Finding[]
}

export interface DiscoverReport {
  readonly discovered: readonly Discovered[]
  /** Undefined when none was looked for, null when none was found. */
  readonly document: { readonly address: string; readonly undeclared: readonly string[] } | null | undefined
}

export interface DiscoverOptions {
  readonly resources: readonly Resource[]
  /** Also what no file declares: lists of the API's own document, and types that relationships lead to. */
  readonly beyond: boolean
  readonly signal: AbortSignal
  readonly onBegin: (type: string) => void
  /** In the order of `resources`. */
  readonly onEnd: (found: Discovered) => void
}

/** @throws SyncError what would end a pull as well: credentials, account, a stop on request. */
export async function discover(deps: SampleDeps, options: DiscoverOptions): Promise<DiscoverReport> {
  const { resources, beyond, signal, onBegin, onEnd } = options
  const discovered: Discovered[] = []
  // One after the other: a few pages each, and a screen that reads from top to bottom. The rate limit bounds it anyway.
  for (const resource of resources) {
    onBegin(resource.type)
    const found = await discoverOne(deps, resource, signal)
    discovered.push(found)
    onEnd(found)
  }
  if (!beyond) return { discovered, document: undefined }

  onBegin('the API document')
  const document = await findApiDocument(deps.client, signal)
  const undeclared = document === undefined ? [] : undeclaredLists(document, deps.catalog)
  const names = new Set([...undeclared, ...discovered.flatMap((found) => unknownTypes(found, deps.catalog))])
  for (const name of [...names].toSorted()) {
    onBegin(name)
    const found = await discoverList(deps, name, signal)
    if (found === undefined) continue
    discovered.push(found)
    onEnd(found)
  }
  return { discovered, document: document === undefined ? null : { address: document.address, undeclared } }
}

async function discoverOne(deps: SampleDeps, resource: Resource, signal: AbortSignal): Promise<Discovered> {
  const tally = createTally(resource)
  const base = { resource, declared: true, message: '', total: null, met: 0, findings: [] }
  try {
    const { total, list, refused } = await readSample(deps, resource, (record) => tally.add(record), signal)
    if (list !== null) {
      const declared = new Set(resource.include)
      const unlinked = [...tally.ends]
        .filter(([member, { toOne, toMany }]) => toOne + toMany === 0 && !declared.has(member))
        .filter(([member]) => !isCarried(resource, deps.catalog, member))
        .map(([member]) => member)
      await readRelationshipTypes(deps.client, list, tally, unlinked, signal)
    }
    const findings = differences(resource, deps.catalog, tally, refused)
    return { ...base, state: 'read', total, met: tally.records, findings }
  } catch (error) {
    if (!(error instanceof SyncError) || endsTheRun(error)) throw error
    return { ...base, state: stateOf(error), message: reason(error) }
  }
}

function stateOf(error: SyncError): Discovered['state'] {
  if (hasCode(error, 'SYNC_FORBIDDEN')) return 'forbidden'
  return factOf(error, 'status') === 404 ? 'absent' : 'failed'
}

/** What lies in a list that no file declares; undefined when there is no such list, or its records are declared. */
async function discoverList(deps: SampleDeps, name: string, signal: AbortSignal): Promise<Discovered | undefined> {
  let type = name
  const declare = () =>
    defineResource(type, {
      comment: `One row per record of ${type}; not described yet.`,
      confidence: 'low',
      read: { from: 'list', path: name },
      attributes: {},
    })
  try {
    await readSample(deps, declare(), (record) => (type = record.type), signal)
  } catch (error) {
    if (!(error instanceof SyncError) || endsTheRun(error)) throw error
    if (stateOf(error) === 'absent') return undefined
  }
  return isDeclared(type, deps.catalog)
    ? undefined
    : { ...(await discoverOne(deps, declare(), signal)), declared: false }
}

const unknownTypes = ({ findings }: Discovered, catalog: ReadonlyMap<string, Resource>): string[] =>
  findings.flatMap((finding) => ('types' in finding ? finding.types : [])).filter((type) => !isDeclared(type, catalog))

const isDeclared = (type: string, catalog: ReadonlyMap<string, Resource>): boolean =>
  [...catalog.values()].some((resource) => resource.type === type || resource.aliases.includes(type))
