import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const RUN = './test/support/run/run-folder.ts'
const DATABASE = './test/support/global-setup.ts'

export default defineConfig({
  test: {
    // A process per file: the tests kill connections, change signals and exhaust pools.
    pool: 'forks',
    // Vitest leaves one core to itself, which on two of them is every other one; most tests wait for a server anyway.
    maxWorkers: Math.max(2, availableParallelism()),
    // Of tests of a file that run side by side: they wait, for a process or a limit.
    maxConcurrency: 10,
    reporters: ['default', './test/support/run/hang-reporter.ts', './test/support/count-reporter.ts'],
    setupFiles: ['./test/support/run/worker.ts'],
    globalSetup: [RUN],
    // What is behind the last test: dropping databases, stopping servers.
    teardownTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 10_000 } },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: [RUN, DATABASE],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          globalSetup: [RUN, DATABASE],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
