/** Runs in each test file's process before the file: a temporary folder of its own, and cleanups that go to the right test. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { aroundEach, expect, inject } from 'vitest'
import { contexts } from './test-context.ts'

const folder = join(inject('runFolder'), String(process.pid))
mkdirSync(folder, { recursive: true, mode: 0o711 })
process.env['TMPDIR'] = folder
// For the watchdog, which needs the process to end.
writeFileSync(join(inject('runFolder'), `${process.pid}.file`), expect.getState().testPath ?? '')

// Servers that still run end with the process, by its handler of `exit`: a signal alone calls none, and Vitest forbids process.exit.
const shelf = globalThis as { scopestackTestSignals?: boolean }
if (shelf.scopestackTestSignals !== true) {
  shelf.scopestackTestSignals = true
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.emit('exit', 1)
      process.kill(process.pid, 'SIGKILL')
    })
  }
}

aroundEach((runTest, context) => contexts.run(context, runTest))
