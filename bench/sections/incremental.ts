/** A pull of what changed, as it runs every quarter of an hour: with nothing changed, and with ten projects. */
import { projectsFor, startRemote } from '../machine/remote.ts'
import { rounds, type Context, type Series } from '../series.ts'
import { runnerFor, withoutEtags } from './runner.ts'

const CHANGED = 10

export async function incremental(context: Context): Promise<Series[]> {
  const { options, server } = context
  const projects = projectsFor(options.records)
  const remote = await startRemote({ projects })
  const all: Series[] = []
  try {
    for (const latency of options.latency ?? [0]) {
      const run = runnerFor(context, remote, { inFlight: options.inFlight?.[0] ?? 8 })
      const tagged = await server.create('tagged')
      await remote.switch({ latency: 0 })
      const { records } = await run('pull', tagged)
      // Once without measuring: it negotiates the requests, which is done once a day.
      await run('pull', tagged, { changesOnly: true })
      await remote.switch({ latency })
      const changes = { types: ['projects'], every: Math.max(1, Math.ceil(projects / CHANGED)) }
      const found = await rounds(context, `incremental, ${latency} ms`, async (round, add) => {
        add('tick', await run('pull', tagged, { changesOnly: true, wal: true }))
        add('tickWithoutEtags', await withoutEtags(remote, () => run('pull', tagged, { changesOnly: true, wal: true })))
        await remote.change({ ...changes, round })
        add('tickChanged', await run('pull', tagged, { changesOnly: true, wal: true }))
      })
      const circumstances = { postgres: server.major, latency, records, projects }
      all.push({ section: 'incremental', circumstances, rounds: found })
    }
    return all
  } finally {
    await remote.close()
  }
}
