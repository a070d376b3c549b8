/** Whether something grew, and whether both sides are equal. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PRODUCT_FLAGS } from '../support/process/product-flags.ts'
import { countUnsent, hasRunOk, readParked } from '../support/tables/days.ts'
import type { Sample } from './samples.ts'
import type { World } from './world.ts'

export interface Growth {
  readonly what: string
  readonly before: string
  readonly after: string
  readonly most: string
  readonly isTooMuch: boolean
}

interface Limit {
  /** After ÷ before at most. */
  readonly factor: number
  /** So much more is none: a page, a buffer, a connection. */
  readonly slack: number
}

const MEMORY: Limit = { factor: 1.1, slack: 8e6 }
const FEW: Limit = { factor: 1.1, slack: 3 }
/** Between two vacuums a small table doubles. */
const TABLE: Limit = { factor: 1.3, slack: 1e6 }

/** The second quarter against the last one: what is kept for 90 days is full when the first of four quarters of a year is over. */
export function findGrowth(samples: readonly Sample[]): Growth[] {
  const quarter = Math.floor(samples.length / 4)
  const [second, last] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)]
  const compare = (what: string, of: (sample: Sample) => number, { factor, slack }: Limit, unit: 'MB' | ''): Growth => {
    const [before, after, most] = [median(second.map(of)), median(last.map(of)), Math.max(...samples.map(of))]
    const shown = (value: number): string => (unit === 'MB' ? `${(value / 1e6).toFixed(1)} MB` : String(value))
    return {
      what,
      before: shown(before),
      after: shown(after),
      most: shown(most),
      isTooMuch: after > before * factor + slack,
    }
  }
  const tables = Object.keys(samples.at(-1)!.tables)
    .map((name) => compare(name, (sample) => sample.tables[name] ?? 0, TABLE, 'MB'))
    .toSorted((a, b) => Number.parseFloat(b.after) - Number.parseFloat(a.after))
  return [
    compare('memory of a process', ({ rss }) => rss, MEMORY, 'MB'),
    compare('open descriptors', ({ descriptors }) => descriptors, FEW, ''),
    compare('connections', ({ connections }) => connections, FEW, ''),
    compare('all tables of our own', ({ bytes }) => bytes, TABLE, 'MB'),
    ...tables.filter(({ after, isTooMuch }, at) => isTooMuch || (at < 12 && Number.parseFloat(after) > 0.1)),
  ]
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

/** How long both sides may need to come together, once nothing happens any more. */
const PATIENCE_MS = 300_000

/** @returns what differs, in sentences. */
export async function compareSides(world: World): Promise<string[]> {
  const deadline = Date.now() + PATIENCE_MS
  const [now] = await world.sql<{ at: string }[]>`select clock_timestamp()::text as at`
  let waits = ['The processes did not settle.']
  while (Date.now() < deadline && waits.length > 0) {
    await sleep(2_000)
    waits = await whatWaits(world, now!.at).catch((error: unknown) => [String(error)])
  }
  if (waits.length > 0) return waits
  const ended = await Promise.all(world.members.map((member) => member.end()))
  return [
    ...ended.flatMap((code, at) => (code === 0 ? [] : [`Process ${at + 1} ended with ${code} after SIGTERM.`])),
    ...(await readDifferences(world)),
  ]
}

async function whatWaits({ sql }: World, since: string): Promise<string[]> {
  const open = await countUnsent(sql)
  return [
    ...(open > 0 ? [`${open} local edits have not been sent.`] : []),
    ...((await hasRunOk(sql, since)) ? [] : ['No run of everything has ended ok since.']),
  ]
}

async function readDifferences({ sql, sim, environment }: World): Promise<string[]> {
  const parked = await readParked(sql)
  const names = sim.records.list('vendors').map(({ attributes }) => String(attributes['name']))
  const doubled = names.filter((name, at) => name.startsWith('local ') && names.indexOf(name) !== at)
  return [
    ...parked.map(({ resource, code }) => `A local edit of ${resource} is parked: ${code}.`),
    ...doubled.map((name) => `${name} was created twice.`),
    ...(await verify(environment)),
  ]
}

/** The command itself, which asks for every record and compares every value. */
const verify = (environment: Readonly<Record<string, string>>): Promise<string[]> =>
  new Promise((resolve) => {
    const cli = join(import.meta.dirname, '../../src/cli.ts')
    const env = { PATH: process.env['PATH'], ...environment }
    execFile(
      process.execPath,
      [...PRODUCT_FLAGS, cli, 'verify'],
      { env, cwd: '/', maxBuffer: 1e8 },
      (error, stdout, stderr) => {
        resolve(error === null ? [] : [`verify: ${stdout.slice(-2_000)} ${stderr.slice(-1_000)}`])
      },
    )
  })
