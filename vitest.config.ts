import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const DATABASE = './test/support/global-setup.ts'

export default defineConfig({
  test: {
    // A process per file: the tests kill connections, change signals and exhaust pools.
    pool: 'forks',
    // Vitest leaves one core to itself, which on two of them is every other one; most tests wait for a server anyway.
    maxWorkers: Math.max(2, availableParallelism()),
    reporters: ['default', './test/support/count-reporter.ts'],
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 10_000 } },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: DATABASE,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          globalSetup: DATABASE,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
