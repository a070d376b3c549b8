/** For all projects: the folder for all temporary files of this run, and the reaper that removes it in the end. */
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, statfsSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import type { Databases } from './reaper.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** All temporary files of this run are below it. */
    runFolder: string
    /** How many times longer a limit is than on an idle machine. */
    crowd: number
  }
}

export interface Run {
  readonly folder: string
  /** Registers databases that the reaper drops if the run ends before it does. */
  readonly leave: (databases: Databases) => void
}

// Each project loads this file again; they share one folder.
const shelf = globalThis as { scopestackTestRun?: Run }

export default function setup(project: TestProject): void {
  project.provide('runFolder', currentRun().folder)
}

export const currentRun = (): Run =>
  (shelf.scopestackTestRun ??= beginRun(inMemory() ? MEMORY : tmpdir(), 'scopestack-tests-'))

/** Makes the folder of all temporary files of this process and of those it starts. All of it ends with this process, however that ends. */
export function beginRun(parent: string, prefix: string): Run {
  const folder = mkdtempSync(join(parent, prefix))
  // As root, Postgres runs as another user, who needs access.
  chmodSync(folder, 0o711)
  process.env['TMPDIR'] = folder
  // Processes that tests start load their modules in half the time.
  process.env['NODE_COMPILE_CACHE'] ??= join(folder, 'compile-cache')
  const { PATH } = process.env
  const reaper = spawn(process.execPath, [join(import.meta.dirname, 'reaper.ts'), folder], {
    cwd: '/',
    env: { PATH },
    // Ctrl-C in the terminal must not reach it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  reaper.unref()
  const { stdin } = reaper
  stdin.on('error', () => {})
  // It must not keep the run from ending.
  ;(stdin as unknown as { unref(): void }).unref()
  return { folder, leave: (databases) => void stdin.write(`${JSON.stringify(databases)}\n`) }
}

// --- internal ---

/** A file system in memory, on Linux. */
const MEMORY = '/dev/shm'
/** A run takes about a quarter of it. A container's is often 64 MB. */
const ENOUGH = 4 * 2 ** 30

/**
 * Whether the folder may be there, where TMPDIR names none. A database is a thousand files: to make one costs 0.02 to 0.05 s of CPU
 * in memory, and 0.2 to 0.6 s on ext4 while others write, too.
 */
function inMemory(): boolean {
  if (process.env['TMPDIR'] || freemem() < ENOUGH) return false
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    // Programs of other releases are run from the folder.
    const isOpen = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .some((line) => line.startsWith(`tmpfs ${MEMORY} tmpfs rw`) && !line.includes('noexec'))
    return isOpen && bavail * bsize >= ENOUGH
  } catch {
    return false
  }
}
