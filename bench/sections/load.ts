/**
 * A pull against its limits: the download of the same pages with and without JSON.parse, and COPY of the same rows. Of plain
 * records also against what one would write instead: a loop with an upsert of a thousand rows, or of one.
 *
 *   rich    a generated account, most of it with includes, about 6 kB a record
 *   plain   one list, 0.8 kB a record, with no includes but the account
 */
import { join } from 'node:path'
import { measure, type Measured, type Phase } from '../machine/measure.ts'
import { vacuum } from '../machine/postgres.ts'
import { projectsFor, startRemote, type Remote } from '../machine/remote.ts'
import { rounds, type Context, type Series } from '../series.ts'

const SHAPES = ['rich', 'plain'] as const
type Shape = (typeof SHAPES)[number]

export async function load(context: Context): Promise<Series[]> {
  const all: Series[] = []
  for (const shape of SHAPES) all.push(...(await loadOf(context, shape)))
  return all
}

const PLAIN = ['phases']

async function loadOf(context: Context, shape: Shape): Promise<Series[]> {
  const { options } = context
  const account = shape === 'rich' ? { projects: projectsFor(options.records) } : { plain: options.records }
  const remote = await startRemote(account)
  try {
    const all: Series[] = []
    for (const latency of options.latency ?? [0]) {
      for (const inFlight of options.inFlight ?? [8]) {
        await remote.control('POST', 'switches', { latency })
        all.push(await loadSeries(context, remote, { shape, latency, inFlight }))
      }
    }
    return all
  } finally {
    await remote.close()
  }
}

interface How {
  readonly shape: Shape
  readonly latency: number
  readonly inFlight: number
}

async function loadSeries(context: Context, remote: Remote, how: How): Promise<Series> {
  const { server, options } = context
  const { shape, latency, inFlight } = how
  const run = runner(context, remote, how)
  const [tagged, untagged] = [await server.create('tagged'), await server.create('untagged')]
  // Without measuring: the simulator writes the JSON of a record when it first sends it, and the requests are negotiated.
  const { records } = await run('record', tagged)
  await withoutEtags(remote, () => run('pull', untagged))
  const about = `load, PostgreSQL ${server.major}, ${shape}, ${latency} ms, ${inFlight} in flight`
  const all = await rounds(context, about, async (round, add) => {
    add('download', await run('download', tagged, false, { records }))
    add('parse', await run('parse', tagged, false, { records }))
    if (shape === 'plain') await loops(context, run, add)
    add('first', await run('pull', await server.create('first'), true))
    await Promise.all([vacuum(tagged), vacuum(untagged)])
    add('unchanged304', await run('pull', tagged, true))
    add('unchanged', await withoutEtags(remote, () => run('pull', untagged, true)))
    add('copy', await run('copy', tagged, true))
    await changeOnePercent(remote, shape, round)
    add('changed304', await run('pull', tagged, true))
    add('changed', await withoutEtags(remote, () => run('pull', untagged, true)))
  })
  const circumstances = { postgres: server.major, shape, latency, inFlight, records, asked: options.records }
  return { section: 'load', circumstances, rounds: all }
}

type Run = (name: Phase['name'], database: string, wal?: boolean, more?: Phase['options']) => Promise<Measured>

function runner({ server, folder }: Context, remote: Remote, { shape, inFlight }: How): Run {
  const own = {
    pagesFile: join(folder, `pages-${shape}.json`),
    inFlight,
    ...(shape === 'plain' ? { types: PLAIN } : {}),
  }
  return (name, database, wal = false, more = {}) => {
    return measure({
      name,
      remote,
      server,
      database,
      wal,
      options: { ...own, ...more },
      settings: { SYNC_CONCURRENCY: String(inFlight) },
      flags: name === 'loop' || name === 'upsert' ? 'default' : 'product',
    })
  }
}

/** So many that one upsert a row ends. */
const FEW = 10_000

async function loops({ server }: Context, run: Run, add: (name: string, measured: Measured) => void): Promise<void> {
  const looped = await server.create('looped')
  add('loop', await run('loop', looped, true))
  await vacuum(looped)
  add('loopAgain', await run('loop', looped, true))
  const upserted = await server.create('upserted')
  const few = { records: FEW, inFlight: 1 }
  add('upsert', await run('upsert', upserted, true, few))
  add('upsertAgain', await run('upsert', upserted, true, few))
}

/** A server without ETags: every page is transferred, and known by its bytes. */
async function withoutEtags<T>(remote: Remote, act: () => Promise<T>): Promise<T> {
  await remote.control('POST', 'switches', { etags: 'none' })
  try {
    return await act()
  } finally {
    await remote.control('POST', 'switches', { etags: 'right' })
  }
}

const CHANGED = {
  rich: ['project-services', 'project-subservices', 'project-phases', 'project-contacts'],
  plain: ['phases'],
}
/** The four types are 60 % of an account. */
const EVERY = { rich: 60, plain: 100 }

async function changeOnePercent(remote: Remote, shape: Shape, round: number): Promise<void> {
  for (const type of CHANGED[shape]) {
    const records = (await remote.control('GET', `records/${type}`)) as { id: string }[]
    for (const [index, { id }] of records.entries()) {
      if (index % EVERY[shape] !== 0) continue
      await remote.control('PATCH', `records/${type}/${id}`, { attributes: { name: `changed ${round} ${index}` } })
    }
  }
}
