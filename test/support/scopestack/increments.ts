/** An account after one full read, and the edits that an incremental read has to find. */
import { expect } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { startSimulator, type Simulator, type SimulatorOptions } from '../../../src/simulator/server.ts'
import type { ResourceOutcome } from '../../../src/store/runs/runs.ts'
import { canReadIncrementally } from '../../../src/sync/incremental/can-read.ts'
import { startRelay, type Alter } from '../network/relay.ts'
import { createDatabase } from '../postgres/database.ts'
import { startWorker, type TestWorker } from './worker.ts'

const byDefault = [...catalog.values()].filter((resource) => resource.byDefault)
const all = new Set(byDefault.map(({ type }) => type))

/** The resources of an incremental run. */
export const INCREMENTAL = byDefault.filter((resource) => canReadIncrementally(resource, all)).map(({ type }) => type)
/** The resources that are read by the changed projects. */
export const PARTS = byDefault.filter(({ byProject }) => byProject !== undefined).map(({ type }) => type)

export interface Account extends AsyncDisposable {
  readonly sim: Simulator
  readonly worker: TestWorker
  /** An incremental run over the account's resources, or these; every outcome is `ok` unless another is expected. */
  readonly changes: (
    types?: readonly string[],
    expected?: Record<string, Partial<ResourceOutcome>>,
  ) => Promise<ResourceOutcome[]>
}

type Options = SimulatorOptions & {
  /** What its runs read: a resource costs 0.05 s of CPU a run, so a test names what it is about. */
  readonly types?: readonly string[]
  readonly switches?: Parameters<Simulator['setSwitches']>[0]
  readonly alter?: Alter['list']
  readonly pageSize?: number
  readonly concurrency?: number
  readonly deleteLimit?: number
}

/** An account after one full read. */
export async function openAccount({
  types: own = INCREMENTAL,
  switches = {},
  alter,
  pageSize = 100,
  concurrency = 4,
  deleteLimit = 20,
  ...options
}: Options = {}): Promise<Account> {
  const opened: AsyncDisposable[] = []
  const sim = await startSimulator({ projects: 12, ...options })
  opened.push({ [Symbol.asyncDispose]: () => sim.close() })
  sim.setSwitches(switches)
  const database = await createDatabase()
  opened.push(database)
  const relay = alter === undefined ? undefined : await startRelay(sim, { list: alter })
  if (relay !== undefined) opened.push(relay)
  const worker = await startWorker(relay ?? sim, database.url, { pageSize, concurrency, deleteLimit })
  opened.push(worker)
  // The pages of the first read are not what these tests look at: it has as few as it can.
  await worker.run(own, { pageSize: alter === undefined ? Math.max(pageSize, 100) : pageSize })
  return {
    sim,
    worker,
    async changes(types = own, expected = {}) {
      const { outcomes } = await worker.run(types, { changesOnly: true })
      const shown = outcomes.map(({ resource, outcome, message }) => ({ resource, outcome, message }))
      expect(shown.filter(({ resource, outcome }) => !(resource in expected) && outcome !== 'ok')).toEqual([])
      for (const [resource, fields] of Object.entries(expected)) {
        expect(outcomes.find((one) => one.resource === resource)).toMatchObject(fields)
      }
      return [...outcomes]
    },
    async [Symbol.asyncDispose]() {
      for (const one of opened.toReversed()) await one[Symbol.asyncDispose]()
    },
  }
}

/** The attribute that a test changes, unless it is `name`. */
const EDITED: Readonly<Record<string, string>> = {
  projects: 'project-name',
  'project-governances': 'description',
  'project-documents': 'status',
}

let edits = 0
export function edit({ records }: Simulator, type: string, id: string, how: { touch?: boolean } = {}): void {
  records.update(type, id, { attributes: { [EDITED[type] ?? 'name']: `edit ${++edits}` }, ...how })
}

export const partsOf = ({ records }: Simulator, type: string, project: string): string[] =>
  records.list(type).flatMap(({ id, relationships }) => (relationships['project'] === project ? [id] : []))

/** A new child of a project; a subservice belongs to the first service. */
export function addPart(sim: Simulator, type: string, project: string): string {
  const service = type === 'project-subservices' ? partsOf(sim, 'project-services', project)[0] : undefined
  const links = service === undefined ? { project } : { project, 'project-service': service }
  return sim.records.create(type, { relationships: links }).id
}

/** The first project with at least so many children of a type. */
export function projectWith(sim: Simulator, type: string, count: number): { project: string; parts: string[] } {
  const project = sim.records.list('projects')[0]!.id
  while (partsOf(sim, type, project).length < count) addPart(sim, type, project)
  return { project, parts: partsOf(sim, type, project) }
}

/** Rows that were written since then, living or marked deleted. */
export async function writtenSince({ sql }: TestWorker, table: string, since: Date): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from scopestack.${sql(table)} where sync_changed_at >= ${since} order by id`
  return rows.map(({ id }) => id)
}

export const markedDeleted = async ({ sql }: TestWorker, table: string): Promise<string[]> => {
  const rows = await sql<{ id: string }[]>`
    select id from scopestack.${sql(table)} where sync_deleted_at is not null order by id`
  return rows.map(({ id }) => id)
}

/** Requests that read data, by route. */
export function requestsOf(sim: Simulator): Record<string, number> {
  const routes = Object.entries(sim.stats().requests).filter(([route]) => route.startsWith('GET /{account}/v1/'))
  return Object.fromEntries(routes.map(([route, count]) => [route.slice('GET /{account}/v1/'.length), count]))
}

export const total = (requests: Record<string, number>): number =>
  Object.values(requests).reduce((sum, count) => sum + count, 0)
