/**
 * Ends the run with one plain line, `N passed, N failed`. A test that did not run did not pass: skipped and todo tests, files that
 * do not load, errors outside of tests and an exit code that other code has set all count as failed. Only a run
 * narrowed with -t may leave tests out. A run that is ended early prints its counts so far, and which files were running.
 * Before it, a run of many files names the slowest, so that who adds one sees what it costs, and then what failed, a line each:
 * of a long output the end is what is kept.
 */
import type { Reporter, SerializedError, TestCase, TestModule, TestRunEndReason, Vitest } from 'vitest/node'

export default class CountReporter implements Reporter {
  passed = 0
  failed = 0
  private narrowed = false
  private readonly failures: string[] = []
  private readonly underWay = new Set<string>()

  onInit(vitest: Vitest): void {
    this.narrowed = vitest.config.testNamePattern !== undefined
    // At exit, because vitest can still fail after its last report, for example in a global teardown.
    process.once('exit', (code) => {
      for (const file of this.underWay) process.stdout.write(`${file} had not ended.\n`)
      this.failed += this.underWay.size
      if (this.failed > 0 && code === 0) process.exitCode = 1
      for (const failure of this.failures) process.stdout.write(`${failure}\n`)
      const failed = this.failed === 0 && (process.exitCode ?? code) !== 0 ? 1 : this.failed
      process.stdout.write(`${this.passed} passed, ${failed} failed\n`)
    })
  }

  onTestModuleQueued({ relativeModuleId }: TestModule): void {
    this.underWay.add(relativeModuleId)
  }

  onTestModuleEnd({ relativeModuleId }: TestModule): void {
    this.underWay.delete(relativeModuleId)
  }

  onTestCaseResult(test: TestCase): void {
    const { state } = test.result()
    if (state === 'passed') this.passed += 1
    else if (state !== 'skipped' || !this.narrowed) this.failed += 1
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[], reason: TestRunEndReason): void {
    this.underWay.clear()
    this.passed = 0
    this.failed = 0
    this.failures.length = 0
    this.fail('outside of a test', unhandled)
    for (const module of modules) {
      this.fail(module.relativeModuleId, module.errors())
      for (const suite of module.children.allSuites())
        this.fail(`${module.relativeModuleId} > ${suite.fullName}`, suite.errors())
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result()
        if (state === 'passed') this.passed += 1
        else if (state !== 'skipped' || !this.narrowed)
          this.fail(`${module.relativeModuleId} > ${test.fullName}`, [
            errors?.[0] ?? { message: `It did not run (${state}).` },
          ])
      }
    }
    if (this.failed === 0 && (reason !== 'passed' || this.passed === 0)) this.failed = 1
    if (this.failed > 0) process.exitCode = 1
    if (modules.length >= MANY) process.stdout.write(`${slowestOf(modules).join('\n')}\n\n`)
  }

  /** Counts one for each error; that of a test is its first. */
  private fail(where: string, errors: readonly { readonly message: string }[]): void {
    this.failed += errors.length
    for (const { message } of errors)
      this.failures.push(`Failed: ${where}: ${(message.split('\n')[0] ?? '').slice(0, LONGEST)}`)
  }
}

// --- internal ---

const MANY = 20
const SHOWN = 10
/** Characters of an error's first line: the whole of it stands further up. */
const LONGEST = 300

function slowestOf(modules: readonly TestModule[]): string[] {
  const timed = modules.map((module) => ({ file: module.relativeModuleId, ms: module.diagnostic().duration }))
  const slowest = timed.sort((a, b) => b.ms - a.ms).slice(0, SHOWN)
  return ['Slowest files:', ...slowest.map(({ file, ms }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${file}`)]
}
