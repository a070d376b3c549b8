/**
 * The process of one measured phase: loads its code, says that it is ready, and works once it is let. Reports by messages; its
 * settings are environment variables, as the product's. It ends with the process that started it.
 */
import { once } from 'node:events'

/** What phases can be given; each takes what it needs. */
export interface PhaseOptions {
  /** File with the addresses of the pages that the worker requests. */
  readonly pagesFile?: string
  /** Pages in flight, of a phase that is not the worker. */
  readonly inFlight?: number
  /** Types that the worker reads; left out: all that it reads by default. */
  readonly types?: readonly string[]
  /** Only what changed since the last run. */
  readonly changesOnly?: boolean
  /** Of a loop: after so many it stops. Of a limit: so many are on the pages. */
  readonly records?: number
  /** Address of the look-alike of Stripe. */
  readonly stripeUrl?: string
}

export interface Opened {
  act(): Promise<{ readonly records: number; readonly more?: Readonly<Record<string, number>> }>
  close(): Promise<void>
}

const PHASES = {
  download: async (options: PhaseOptions) => (await import('./limits.ts')).openReader(options, false),
  parse: async (options: PhaseOptions) => (await import('./limits.ts')).openReader(options, true),
  copy: async (options: PhaseOptions) => (await import('./limits.ts')).openCopy(options),
  pull: async (options: PhaseOptions) => (await import('./ours.ts')).openPull(options),
  record: async (options: PhaseOptions) => (await import('./ours.ts')).openRecording(options),
  stripe: async (options: PhaseOptions) => (await import('./stripe.ts')).openStripe(options),
  push: async () => (await import('./ours.ts')).openPush(),
  loop: async (options: PhaseOptions) => (await import('./loops.ts')).openLoop(options, 1000),
  upsert: async (options: PhaseOptions) => (await import('./loops.ts')).openLoop(options, 1),
}

export type PhaseName = keyof typeof PHASES

const [, , name, options] = process.argv
// Its parent ended.
process.once('disconnect', () => process.exit(1))
const phase = await PHASES[name as PhaseName](JSON.parse(options!) as PhaseOptions)
const allowed = once(process, 'message')
process.send!('ready')
await allowed
const cpu = process.cpuUsage()
const started = performance.now()
const { records, more } = await phase.act()
const ms = performance.now() - started
const { user, system } = process.cpuUsage(cpu)
const peakRss = process.resourceUsage().maxRSS * 1024
process.send!({ ms, cpuMs: (user + system) / 1000, records, peakRss, ...(more === undefined ? {} : { more }) })
await phase.close()
process.exit()
