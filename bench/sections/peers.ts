/**
 * Against what is used instead: stripe-sync-engine on a look-alike of Stripe that holds the same records, the loop with upserts of
 * a thousand rows, and the one with an upsert a row. The engine asks for one page after the other, as Stripe's lists demand.
 */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { startRemote } from '../machine/remote.ts'
import { UsageError } from '../options.ts'
import { rounds, type Context, type Series } from '../series.ts'
import { FEW, loops, PLAIN, runnerFor, withoutEtags } from './runner.ts'

const FOLDER = join(import.meta.dirname, '..')
const LOCK = 'package-lock.json'

const writtenAt = (file: string): number => statSync(join(FOLDER, file), { throwIfNoEntry: false })?.mtimeMs ?? 0

/** The packages of bench/package.json, which are not ours: only where they are measured. @throws UsageError */
export function installPeers(say: (line: string) => void): void {
  if (writtenAt(`node_modules/.${LOCK}`) >= writtenAt(LOCK)) return
  say('Installing the packages of bench/package-lock.json ...')
  const npm = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  const { status } = spawnSync('npm', npm, { cwd: FOLDER, stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new UsageError('npm ci in bench/ failed. Without a registry, name the other sections.')
}

export async function peers(context: Context): Promise<Series[]> {
  const { options, server } = context
  const all: Series[] = []
  for (const latency of options.latency ?? (options.quick ? [0] : [0, 20, 50, 200])) {
    // Where pages take long, one after the other, half of them show the same.
    const count = Math.min(latency > 0 ? FEW / 2 : FEW, options.records)
    const remote = await startRemote({ plain: count, stripe: true })
    try {
      const inFlight = options.inFlight?.[0] ?? 8
      await remote.switch({ latency })
      const run = runnerFor(context, remote, { inFlight, types: PLAIN })
      const [tagged, untagged] = [await server.create('tagged'), await server.create('untagged')]
      await run('pull', tagged)
      await withoutEtags(remote, () => run('pull', untagged))
      // With a delay nearly all of the time is waiting, which differs little from round to round.
      const own = { ...context, options: latency > 0 && !options.roundsGiven ? { ...options, rounds: 1 } : options }
      const found = await rounds(own, `peers, ${latency} ms`, async (_, add) => {
        await loops(context, run, add)
        const striped = await server.createEmpty('striped')
        add('stripe', await run('stripe', striped, { wal: true }))
        add('stripeAgain', await run('stripe', striped, { wal: true }))
        add('first', await run('pull', await server.create('first'), { wal: true }))
        add('unchanged304', await run('pull', tagged, { wal: true }))
        add('unchanged', await withoutEtags(remote, () => run('pull', untagged, { wal: true })))
      })
      all.push({
        section: 'peers',
        circumstances: { postgres: server.major, latency, inFlight, records: count },
        rounds: found,
      })
    } finally {
      await remote.close()
    }
  }
  return all
}
