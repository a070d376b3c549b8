import { availableParallelism, loadavg } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer } from 'vitest/node'

const RUN = './test/support/run/run-folder.ts'
const DATABASE = './test/support/global-setup.ts'

/**
 * A limit only tells a test that hangs from one that is slow, so it grows with what else the machine does: at a load of 20 on two
 * cores a process gets a tenth of what it gets alone.
 */
const crowd = Math.min(6, Math.max(1, (loadavg()[0] ?? 0) / availableParallelism()))
const seconds = (alone: number): number => Math.round(alone * crowd) * 1000

/**
 * Files that wait more than they compute, the longest first: 10 to 30 s each with 3 to 12 s of CPU, for the pauses of a retry or
 * for a lost connection to be noticed.
 */
const WAITING = [
  'surroundings/postgres-switch-over.test.ts',
  'surroundings/redis.test.ts',
  'surroundings/remote.test.ts',
  'start/incremental.test.ts',
  'surroundings/redis-switch-over.test.ts',
  'surroundings/proxied.test.ts',
  'surroundings/outage.test.ts',
]
/** So many others take about as long as one that waits. */
const BESIDE = 12

/**
 * One file that waits runs beside the others from the beginning, and the next one when it is about to be over. All at the
 * beginning left the cores idle for 20 s; at the end, where vitest's order by size has them, for 25.
 */
class WaitingBeside extends BaseSequencer {
  override async sort(files: Parameters<BaseSequencer['sort']>[0]) {
    const sorted = await super.sort(files)
    const waiting = WAITING.flatMap((name) => sorted.filter(({ moduleId }) => moduleId.endsWith(name)))
    const others = sorted.filter((file) => !waiting.includes(file))
    // None of them is among the last, however few the others are.
    const beside = Math.min(BESIDE, Math.floor(others.length / (waiting.length + 1)))
    return [...waiting.flatMap((next) => [next, ...others.splice(0, beside)]), ...others]
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: WaitingBeside },
    provide: { crowd },
    pool: 'forks',
    // More than cores: a file waits for servers and processes for more than a quarter of its time. On two idle cores 667 s of CPU took
    // 389 s with three at a time, and 356 with four, where 334 would do.
    maxWorkers: availableParallelism() * 2,
    // A young generation that does not begin at 1 MB is collected less often: 7 to 9 % of a file's CPU. Nor is the old one looked
    // through because it has grown from next to nothing: a quarter of these collections.
    execArgv: ['--min-semi-space-size=32', '--max-semi-space-size=64', '--initial-old-space-size=512'],
    // Of tests of a file that run side by side: they wait, for a process or a limit.
    maxConcurrency: 10,
    reporters: ['default', './test/support/run/hang-reporter.ts', './test/support/count-reporter.ts'],
    setupFiles: ['./test/support/run/worker.ts'],
    globalSetup: [RUN],
    // What is behind the last test: dropping databases, stopping servers.
    teardownTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          // They kill nothing and change nothing of their process, so files share two of them, and what they import.
          isolate: false,
          testTimeout: seconds(20),
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          // As many processes as workers, and not one for each file: starting one and loading `src/` again is 0.35 s of CPU, and code
          // that ran before is compiled. A test that changes what its process shares (a clock, a variable, a listener) puts it back.
          isolate: false,
          globalSetup: [RUN, DATABASE],
          testTimeout: seconds(90),
          hookTimeout: seconds(90),
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          // As above: what a test starts (processes, servers, terminals) ends with the test.
          isolate: false,
          globalSetup: [RUN, DATABASE],
          testTimeout: seconds(180),
          hookTimeout: seconds(180),
          // They wait for processes to start, and for what these wait for.
          maxConcurrency: 4,
        },
      },
    ],
  },
})
