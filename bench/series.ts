/** What a section measures: the same phases in several rounds, under one set of circumstances. */
import { loadavg } from 'node:os'
import type { Measured } from './machine/measure.ts'
import type { Server } from './machine/postgres.ts'
import type { Options, SectionName } from './options.ts'

export type Phases = Readonly<Record<string, Measured>>

export interface Round {
  /** The load average of the last minute when it began. */
  readonly load: number
  readonly phases: Phases
}

/** What holds for all of its rounds: records, latency, version of PostgreSQL. */
export type Circumstances = Readonly<Record<string, string | number>>

export interface Series {
  readonly section: SectionName
  readonly circumstances: Circumstances
  readonly rounds: readonly Round[]
}

export interface Context {
  readonly options: Options
  /** Removed at the end, as everything below it. */
  readonly folder: string
  readonly server: Server
  /** Progress, for a person. */
  readonly say: (line: string) => void
}

export type Section = (context: Context) => Promise<Series[]>

/** Phases are in the order of the object: what is compared is measured one after the other. */
export async function rounds(
  { options, say }: Context,
  about: string,
  act: (round: number, add: (name: string, measured: Measured) => void) => Promise<void>,
): Promise<Round[]> {
  const all: Round[] = []
  for (let round = 1; round <= options.rounds; round++) {
    const load = Math.round(loadavg()[0]! * 10) / 10
    say(`${about}: round ${round} of ${options.rounds}, load ${load}`)
    const phases: Record<string, Measured> = {}
    await act(round, (name, measured) => {
      phases[name] = measured
      const { ms, cpuMs } = measured
      say(`  ${name.padEnd(24)} ${Math.round(ms)} ms, ${(cpuMs / 1000).toFixed(2)} s of CPU`)
    })
    all.push({ load, phases })
  }
  return all
}
