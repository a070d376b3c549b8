/** For all projects: the folder that everything temporary of this run is in, and the reaper that empties it in the end. */
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import type { Databases } from './reaper.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Everything temporary of this run is below it. */
    runFolder: string
  }
}

export interface Run {
  readonly folder: string
  /** Has databases dropped after the run, should the run not live to do it. */
  readonly leave: (databases: Databases) => void
}

// Each project loads this file anew; they share one folder all the same.
const shelf = globalThis as { scopestackTestRun?: Run }

export default function setup(project: TestProject): void {
  project.provide('runFolder', currentRun().folder)
}

export const currentRun = (): Run => (shelf.scopestackTestRun ??= begin())

// --- internal ---

function begin(): Run {
  const folder = mkdtempSync(join(tmpdir(), 'scopestack-tests-'))
  // As root, Postgres runs as somebody else, and must get in.
  chmodSync(folder, 0o711)
  process.env['TMPDIR'] = folder
  const { PATH } = process.env
  const reaper = spawn(process.execPath, [join(import.meta.dirname, 'reaper.ts'), folder], {
    cwd: '/',
    env: { PATH },
    // Ctrl-C in the terminal is not for it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  reaper.unref()
  const { stdin } = reaper
  stdin.on('error', () => {})
  // It does not keep the run from ending.
  ;(stdin as unknown as { unref(): void }).unref()
  return { folder, leave: (databases) => void stdin.write(`${JSON.stringify(databases)}\n`) }
}
