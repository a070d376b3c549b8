/**
 * Ends the process of a test file that no longer reports, and names the file. Vitest's limits are timers inside
 * that process, and cover tests and hooks only: neither a loop that never yields (an `await` that is always rejected at once is
 * one), nor a wait before the file's first test. Such a file would keep the whole run from ending.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Reporter, TestCase, TestModule } from 'vitest/node'
import { kill, killBelow } from './processes.ts'
import { currentRun } from './run-folder.ts'

/** In addition to the longest limit of the file's tests and hooks: under load a machine's own timers are late. */
const GRACE_MS = 90_000
const LOOK_MS = 1_000

export default class HangReporter implements Reporter {
  private readonly heard = new Map<string, Heard>()
  private timer: NodeJS.Timeout | undefined

  onTestModuleQueued(module: TestModule): void {
    this.hear(module, 'loading it')
    this.timer ??= setInterval(() => this.look(), LOOK_MS).unref()
  }
  onTestModuleCollected(module: TestModule): void {
    this.hear(module, 'its first test')
  }
  onTestModuleStart(module: TestModule): void {
    this.hear(module, 'its first test')
  }
  onTestCaseReady(test: TestCase): void {
    this.hear(test.module, `"${test.name}"`)
  }
  onTestCaseResult(test: TestCase): void {
    this.hear(test.module, `what follows "${test.name}"`)
  }
  onTestModuleEnd(module: TestModule): void {
    this.heard.delete(keyOf(module))
  }
  onTestRunEnd(): void {
    clearInterval(this.timer)
    this.timer = undefined
    this.heard.clear()
  }

  private hear(module: TestModule, doing: string): void {
    // The report of a killed process may still arrive.
    if (this.heard.get(keyOf(module))?.ended === true) return
    this.heard.set(keyOf(module), { module, at: performance.now(), doing, ended: false })
  }

  private look(): void {
    for (const heard of this.heard.values()) {
      const { module } = heard
      const silent = performance.now() - heard.at
      if (heard.ended || silent < patienceWith(module)) continue
      heard.ended = true
      process.stderr.write(
        `${module.relativeModuleId} did not end: nothing was heard of it for ${Math.round(silent / 1000)} s, since ${heard.doing}. ` +
          'Its process is killed, and it counts as failed.\n',
      )
      void end(module.moduleId).catch(() => {})
    }
  }
}

// --- internal ---

interface Heard {
  readonly module: TestModule
  readonly at: number
  readonly doing: string
  ended: boolean
}

/** Vitest creates a new object once the file is loaded. */
const keyOf = ({ project, moduleId }: TestModule): string => `${project.name} ${moduleId}`

/** The longest limit in the file. A test without one has that of its project. */
function patienceWith(module: TestModule): number {
  const { testTimeout, hookTimeout } = module.project.config
  const own = [...module.children.allTests()].map(({ options }) => options.timeout ?? 0)
  return Math.max(testTimeout, hookTimeout, ...own) + GRACE_MS
}

async function end(file: string): Promise<void> {
  const { folder } = currentRun()
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.file') || (await readFile(join(folder, name), 'utf8')) !== file) continue
    const pid = Number.parseInt(name, 10)
    kill(pid)
    await killBelow(join(folder, String(pid)))
  }
}
