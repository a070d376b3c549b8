/**
 * A pull against its limits: the download of the same pages with and without JSON.parse, and COPY of the same rows. Of plain
 * records also against what one would write instead: a loop with an upsert of a thousand rows, or of one.
 *
 *   rich    a generated account, most of it with includes, about 6 kB a record
 *   plain   one list, 0.8 kB a record, with no includes but the account
 */
import type { Measured } from '../machine/measure.ts'
import { vacuum } from '../machine/postgres.ts'
import { projectsFor, startRemote, type Remote } from '../machine/remote.ts'
import type { Shape } from '../options.ts'
import { rounds, type Context, type Series } from '../series.ts'
import { loops, PLAIN, runnerFor, withoutEtags } from './runner.ts'

export async function load(context: Context): Promise<Series[]> {
  const all: Series[] = []
  for (const shape of context.options.shapes) all.push(...(await loadOf(context, shape)))
  return all
}

async function loadOf(context: Context, shape: Shape): Promise<Series[]> {
  const { options } = context
  const account = shape === 'rich' ? { projects: projectsFor(options.records) } : { plain: options.records }
  const remote = await startRemote(account)
  try {
    const all: Series[] = []
    for (const latency of options.latency ?? [0]) {
      for (const inFlight of options.inFlight ?? [8]) {
        await remote.switch({ latency })
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
  const run = runnerFor(context, remote, { inFlight, ...(shape === 'plain' ? { types: PLAIN } : {}) })
  const [tagged, untagged] = [await server.create('tagged'), await server.create('untagged')]
  // Without measuring: the simulator writes the JSON of a record when it first sends it, and the requests are negotiated.
  const { records } = await run('record', tagged)
  await withoutEtags(remote, () => run('pull', untagged))
  const about = `load, PostgreSQL ${server.major}, ${shape}, ${latency} ms, ${inFlight} in flight`
  const all = await rounds(context, about, async (round, add) => {
    add('download', await run('download', tagged, { records }))
    add('parse', await run('parse', tagged, { records }))
    if (shape === 'plain') await loops(context, run, add)
    add('first', await run('pull', await server.create('fresh'), { wal: true }))
    await Promise.all([vacuum(tagged), vacuum(untagged)])
    await unchangedAndChanged({ quick: options.quick, run, remote, shape, round, add, tagged, untagged })
    add('copy', await run('copy', tagged, { wal: true }))
  })
  const circumstances = { postgres: server.major, shape, latency, inFlight, records, asked: options.records }
  return { section: 'load', circumstances, rounds: all }
}

interface Again {
  readonly quick: boolean
  readonly run: ReturnType<typeof runnerFor>
  readonly remote: Remote
  readonly shape: Shape
  readonly round: number
  readonly add: (name: string, measured: Measured) => void
  readonly tagged: string
  readonly untagged: string
}

const CHANGED = {
  rich: { types: ['project-services', 'project-subservices', 'project-phases', 'project-contacts'], every: 60 },
  plain: { types: PLAIN, every: 100 },
}

/** With 304s, and from a server without ETags. */
async function unchangedAndChanged({ quick, run, remote, shape, round, add, tagged, untagged }: Again): Promise<void> {
  add('unchanged304', await run('pull', tagged, { wal: true }))
  add('unchanged', await withoutEtags(remote, () => run('pull', untagged, { wal: true })))
  if (quick) return
  // The four types of a rich account are 60 % of it.
  await remote.change({ ...CHANGED[shape], round })
  add('changed304', await run('pull', tagged, { wal: true }))
  add('changed', await withoutEtags(remote, () => run('pull', untagged, { wal: true })))
}
