/** What everything costs: see --help. Whatever it starts ends with it, however that ends. */
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { beginRun } from '../test/support/run/run-folder.ts'
import { startServer } from './machine/postgres.ts'
import { readOptions, UsageError, type Options, type SectionName } from './options.ts'
import { tableOf } from './report/text.ts'
import { idle } from './sections/idle.ts'
import { incremental } from './sections/incremental.ts'
import { latency } from './sections/latency.ts'
import { load } from './sections/load.ts'
import { memory } from './sections/memory.ts'
import { installPeers, peers } from './sections/peers.ts'
import { push } from './sections/push.ts'
import { workers } from './sections/workers.ts'
import type { Section, Series } from './series.ts'

/** The file that `npm run bench:results` reads. */
export interface Results {
  readonly at: string
  readonly machine: { readonly cores: number; readonly model: string; readonly memoryGb: number; readonly node: string }
  readonly options: Options
  readonly series: readonly Series[]
}

const RUN: Readonly<Record<SectionName, Section>> = { load, peers, latency, incremental, push, memory, workers, idle }

const say = (line: string): void => console.error(line)

function optionsOrExit(): Options {
  try {
    const options = readOptions(process.argv.slice(2))
    if (typeof options === 'string') {
      console.log(options)
      process.exit(0)
    }
    if (options.sections.includes('peers')) installPeers(say)
    return options
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(error.message)
    process.exit(64)
  }
}

/** npm dies without a word to what it runs, if it is killed. */
function endWithParent(): void {
  if (process.env['npm_lifecycle_event'] === undefined) return
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1)
  }, 500).unref()
}

async function main(options: Options): Promise<void> {
  endWithParent()
  const { folder } = beginRun(tmpdir(), 'scopestack-bench-')
  const series: Series[] = []
  const show = (found: readonly Series[]): void => {
    series.push(...found)
    // After each section: one that is interrupted keeps what it has.
    if (options.save !== undefined) writeFileSync(options.save, resultsText(options, series))
    if (!options.json) for (const one of found) console.log(`\n${tableOf(one)}`)
  }
  const majors = options.postgres.toSorted()
  for (const major of majors) {
    const isNewest = major === majors.at(-1)
    const server = await startServer(major)
    const context = { options, folder, server, say }
    // It only waits, so the others run beside it.
    const idling = isNewest && options.sections.includes('idle') ? idle(context).then(show) : undefined
    idling?.catch(() => {})
    try {
      for (const section of options.sections) {
        if (section !== 'idle' && (section === 'load' || isNewest)) show(await RUN[section](context))
      }
      await idling
    } finally {
      await server.close()
    }
  }
  if (options.json) process.stdout.write(resultsText(options, series))
}

function resultsText(options: Options, series: readonly Series[]): string {
  const machine = {
    cores: availableParallelism(),
    model: cpus()[0]?.model ?? '',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  }
  const results: Results = { at: new Date().toISOString(), machine, options, series }
  return `${JSON.stringify(results, null, 2)}\n`
}

await main(optionsOrExit())
