/** The options of `npm run bench`, the sizes that follow from them, and what is wrong with them. */
import { parseArgs } from 'node:util'
import { MAJORS, type Major } from '../test/support/postgres/postgres-binaries.ts'

export const SECTIONS = {
  load: 'first load, unchanged (304, and without ETag), 1 % changed, against the limits and bare loops',
  peers: 'the same of 10,000 plain records against stripe-sync-engine and the loops, from 0 to 200 ms',
  latency: 'a first load at 20, 50 and 200 ms, against the download of the same pages',
  incremental: 'a pull of changes: nothing changed, and ten projects',
  push: 'local edits a second, and the time from COMMIT to PATCH',
  memory: 'resident memory, and with ten times the records',
  workers: 'one, two and four workers on one list, at 200 ms',
  idle: 'what start costs while nothing happens',
} as const

export type SectionName = keyof typeof SECTIONS

/** A generated account with includes; or one list of small records. */
const SHAPES = ['rich', 'plain'] as const
export type Shape = (typeof SHAPES)[number]

export interface Options {
  readonly sections: readonly SectionName[]
  readonly quick: boolean
  readonly rounds: number
  /** Else a section whose phases wait more than they work has one. */
  readonly roundsGiven: boolean
  readonly records: number
  readonly recordsGiven: boolean
  readonly shapes: readonly Shape[]
  /** Undefined: those that belong to the section. */
  readonly latency: readonly number[] | undefined
  readonly inFlight: readonly number[] | undefined
  readonly postgres: readonly Major[]
  readonly json: boolean
  readonly save: string | undefined
}

const HELP = `npm run bench -- [section ...] [options]

Measures this checkout against the limits of the machine and against what one would use instead. All of it runs on this
machine: a simulated account, a Postgres of its own. CPU seconds and ratios within a round hold on a busy machine, times do not.

Sections (all, if none is named)
${Object.entries(SECTIONS)
  .map(([name, about]) => `  ${name.padEnd(12)} ${about}`)
  .join('\n')}

Options
  --records N          records of the account (default 50000; memory: 100000 and ten times that)
  --rounds N           rounds, whose median is shown (default 3; 1 where phases wait more than they work)
  --latency MS,…       delay of each response, in place of the section's own
  --in-flight N,…      requests at a time, in place of the section's own
  --shape rich,plain   a generated account of 6 kB a record; one list of 0.8 kB a record (default both)
  --postgres 15,18     versions of PostgreSQL (default 18); all but load only on the newest of them
  --quick              one round of few records: whether it works, not how fast
  --json               the result as JSON on standard output
  --save FILE          the same into a file, for npm run bench:results
  --help`

export class UsageError extends Error {}

/** @throws UsageError with a sentence that says what to do. @returns a text, if only that is to be shown. */
export function readOptions(args: readonly string[]): Options | string {
  const { values, positionals } = parse(args)
  if (values.help) return HELP
  const quick = values.quick
  return {
    sections: sectionsOf(positionals),
    quick,
    rounds: wholeNumber('rounds', values.rounds ?? (quick ? '1' : '3')),
    roundsGiven: values.rounds !== undefined,
    shapes: shapesOf(values.shape ?? (quick ? 'plain' : 'rich,plain')),
    records: wholeNumber('records', values.records ?? (quick ? '2000' : '50000'), 200),
    recordsGiven: quick || values.records !== undefined,
    latency: values.latency === undefined ? undefined : numbers('latency', values.latency, 0),
    inFlight: values['in-flight'] === undefined ? undefined : numbers('in-flight', values['in-flight'], 1),
    postgres: versions(values.postgres),
    json: values.json,
    save: values.save,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        records: { type: 'string' },
        rounds: { type: 'string' },
        latency: { type: 'string' },
        'in-flight': { type: 'string' },
        shape: { type: 'string' },
        postgres: { type: 'string', default: '18' },
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        save: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]}. "npm run bench -- --help" lists the options.`)
  }
}

function sectionsOf(names: readonly string[]): SectionName[] {
  const all = Object.keys(SECTIONS) as SectionName[]
  if (names.length === 0 || names.includes('all')) return all
  const unknown = names.find((name) => !(name in SECTIONS))
  if (unknown !== undefined) throw new UsageError(`There is no section "${unknown}". There are ${all.join(', ')}, all.`)
  return all.filter((name) => names.includes(name))
}

function wholeNumber(name: string, text: string, least = 1): number {
  if (!/^\d{1,8}$/.test(text) || Number(text) < least) {
    throw new UsageError(`--${name} takes a whole number from ${least} up, not "${text}".`)
  }
  return Number(text)
}

const numbers = (name: string, text: string, least: number): number[] =>
  text.split(',').map((one) => wholeNumber(name, one.trim(), least))

const shapesOf = (text: string): Shape[] => some('shape', SHAPES, text)
const versions = (text: string): Major[] => some('postgres', MAJORS, text)

function some<T extends string>(name: string, known: readonly T[], text: string): T[] {
  return text.split(',').map((one) => {
    const found = known.find((value) => value === one.trim())
    if (found === undefined) throw new UsageError(`--${name} takes some of ${known.join(', ')}, not "${one.trim()}".`)
    return found
  })
}
