/** A first load from a server that takes its time, against the download alone of the same pages with as many requests in flight. */
import { projectsFor, startRemote, type Remote } from '../machine/remote.ts'
import type { Shape } from '../options.ts'
import { rounds, type Context, type Series } from '../series.ts'
import { PLAIN, runnerFor } from './runner.ts'

/** Without one given: a list of 200 pages, and of 100 where each takes long. */
const recordsFor = ({ options }: Context, delay: number): number =>
  Math.min(options.records, delay >= 200 ? 10_000 : 20_000)

export async function latency(context: Context): Promise<Series[]> {
  const { options } = context
  const all: Series[] = []
  for (const delay of options.latency ?? (options.quick ? [20] : [20, 50, 200])) {
    const count = recordsFor(context, delay)
    for (const shape of options.shapes) {
      const remote = await startRemote(shape === 'rich' ? { projects: projectsFor(count) } : { plain: count })
      try {
        for (const inFlight of options.inFlight ?? (options.quick ? [8] : [1, 4, 16])) {
          all.push(await latencySeries(context, remote, { shape, delay, inFlight }))
        }
      } finally {
        await remote.close()
      }
    }
  }
  return all
}

interface How {
  readonly shape: Shape
  readonly delay: number
  readonly inFlight: number
}

async function latencySeries(context: Context, remote: Remote, { shape, delay, inFlight }: How): Promise<Series> {
  const { server, options } = context
  const run = runnerFor(context, remote, { inFlight, ...(shape === 'plain' ? { types: PLAIN } : {}) })
  await remote.switch({ latency: 0 })
  const { records } = await run('record', await server.create('recorded'))
  await remote.switch({ latency: delay })
  // Nearly all of the time is waiting, which differs little from round to round.
  const own = { ...context, options: options.roundsGiven ? options : { ...options, rounds: 1 } }
  const found = await rounds(own, `latency ${delay} ms, ${shape}, ${inFlight} in flight`, async (_, add) => {
    add('download', await run('download', await server.create('first'), { records }))
    add('first', await run('pull', await server.create('first')))
  })
  const circumstances = { postgres: server.major, shape, latency: delay, inFlight, records }
  return { section: 'latency', circumstances, rounds: found }
}
