/**
 * A year in half an hour: two processes of `start` beside each other, edits on both sides, faults at random, and a clock of days that
 * makes what they have noted older. At the end nothing may have grown that is not the account's, and mirror and remote are equal.
 *
 *   npm run soak -- [--minutes 30] [--projects 40] [--postgres 18] [--queue postgres|redis] [--seed N] [--json]
 *
 * Exit codes: 0 nothing grew and nothing was lost, 1 something did, 64 usage.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { textTable } from '../../src/commands/output/format.ts'
import { MAJORS, type Major } from '../support/postgres/postgres-binaries.ts'
import { createDays, hasRunOk } from '../support/tables/days.ts'
import { createEditors } from './edits.ts'
import { createFaultMaker } from './faults.ts'
import { compareSides, findGrowth } from './findings.ts'
import { readSample, type Sample } from './samples.ts'
import { openWorld, type World } from './world.ts'

interface Options {
  readonly minutes: number
  readonly projects: number
  readonly postgres: Major
  readonly queue: 'postgres' | 'redis'
  readonly seed: number
  readonly json: boolean
}

const SAMPLE_MS = 5_000
/** Fewer than one in five seconds of which Postgres was there say nothing. */
const LEAST_SAMPLES = 20
const EDIT_MS = 700
/** What the year has: retention is by 90 days, so that a quarter of the time fills what is kept. */
const DAYS = 360

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      projects: { type: 'string', default: '40' },
      postgres: { type: 'string', default: '18' },
      queue: { type: 'string', default: 'postgres' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      json: { type: 'boolean', default: false },
    },
  })
  const number = (name: 'minutes' | 'projects' | 'seed', least: number): number => {
    const value = Number(values[name])
    if (!(value >= least)) throw new Error(`--${name} takes a number from ${least}, not "${values[name]}"`)
    return value
  }
  const major = MAJORS.find((known) => known === values.postgres)
  if (major === undefined) throw new Error(`--postgres takes one of ${MAJORS.join(', ')}, not "${values.postgres}"`)
  const { queue, json } = values
  if (queue !== 'postgres' && queue !== 'redis') throw new Error(`--queue takes postgres or redis, not "${queue}"`)
  return {
    minutes: number('minutes', 1),
    projects: number('projects', 5),
    seed: number('seed', 0),
    postgres: major,
    queue,
    json,
  }
}

/** Repeats an act until the time is over; one that fails is repeated, as Postgres may be away. */
async function repeat(everyMs: number, until: AbortSignal, act: () => Promise<void>): Promise<void> {
  while (!until.aborted) {
    await act().catch(() => {})
    await sleep(everyMs, undefined, { signal: until }).catch(() => {})
  }
}

async function live(world: World, { minutes, seed, json }: Options): Promise<Sample[]> {
  const samples: Sample[] = []
  // The first load is growth, and none that counts.
  while (!(await hasRunOk(world.sql).catch(() => false))) await sleep(500)
  const over = AbortSignal.timeout(minutes * 60_000)
  const editors = createEditors(world, seed)
  const faults = createFaultMaker(world, seed)
  const days = createDays(world.sql)
  const sample = async (): Promise<void> => {
    const one = await readSample(world)
    samples.push(one)
    if (json || samples.length % 12 !== 1) return
    const { rss, descriptors, connections, bytes } = one
    const mb = (count: number): string => `${Math.round(count / 1e6)} MB`
    process.stdout.write(
      `day ${days.passed()}: process ${mb(rss)}, ${descriptors} descriptors, ${connections} connections, own tables ${mb(bytes)}, ` +
        `${editors.made()} edits, ${faults.made()} faults\n`,
    )
  }
  await Promise.all([
    repeat(EDIT_MS, over, () => editors.edit()),
    repeat((minutes * 60_000) / DAYS, over, () => days.pass()),
    repeat((minutes * 60_000) / 150, over, () => faults.strike(over)),
    repeat(SAMPLE_MS, over, sample),
  ])
  await faults.end()
  if (!json) process.stdout.write(`Faults: ${faults.summary()}\n`)
  return samples
}

async function main(options: Options): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-soak-'))
  if (!options.json)
    process.stdout.write(`Seed ${options.seed}; the logs of the processes are in ${folder} until it ends well.\n`)
  const world = await openWorld({ ...options, folder })
  let grown = true
  try {
    const samples = await live(world, options)
    const differences = await compareSides(world)
    if (samples.length < LEAST_SAMPLES) differences.push(`Only ${samples.length} samples: too few to see growth.`)
    const growth = findGrowth(samples)
    grown = growth.some(({ isTooMuch }) => isTooMuch) || differences.length > 0
    if (options.json)
      process.stdout.write(`${JSON.stringify({ ...options, samples: samples.length, growth, differences })}\n`)
    else {
      const rows = growth.map(({ what, before, after, most, isTooMuch }) => [
        what,
        before,
        after,
        most,
        isTooMuch ? 'GREW' : 'flat',
      ])
      process.stdout.write(
        `\n${textTable([['median of', 'second quarter', 'last quarter', 'most', ''], ...rows]).join('\n')}\n`,
      )
      process.stdout.write(differences.length === 0 ? 'Mirror and remote are equal.\n' : `${differences.join('\n')}\n`)
    }
  } finally {
    await world.close()
    if (!grown) await rm(folder, { recursive: true, force: true })
  }
  return grown ? 1 : 0
}

let options: Options
try {
  options = readOptions()
} catch (error) {
  process.stderr.write(`${String(error instanceof Error ? error.message : error)}\n`)
  process.exit(64)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
process.exit(await main(options))
