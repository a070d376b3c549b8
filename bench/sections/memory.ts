/** Whether ten times the records need more memory: the resident set of a first load and of an unchanged pull. */
import { projectsFor, startRemote } from '../machine/remote.ts'
import { rounds, type Context, type Series } from '../series.ts'
import { runnerFor } from './runner.ts'

const FEWER = 100_000
const TIMES = 10

export async function memory(context: Context): Promise<Series[]> {
  const { options, server } = context
  const fewer = options.recordsGiven ? options.records : FEWER
  const all: Series[] = []
  for (const count of [fewer, fewer * TIMES]) {
    const remote = await startRemote({ projects: projectsFor(count) })
    try {
      const run = runnerFor(context, remote, { inFlight: options.inFlight?.[0] ?? 8 })
      const own = { ...context, options: options.roundsGiven ? options : { ...options, rounds: 1 } }
      let records = 0
      const found = await rounds(own, `memory, ${count} records`, async (_, add) => {
        const url = await server.create('memory')
        const first = await run('pull', url)
        records = first.records
        add('first', first)
        add('unchanged304', await run('pull', url))
      })
      all.push({ section: 'memory', circumstances: { postgres: server.major, records }, rounds: found })
    } finally {
      await remote.close()
    }
  }
  return all
}
