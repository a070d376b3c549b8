import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFailed, onTestFinished, TestRunner, type RunnerTestCase } from 'vitest'

const LIMIT_MS = 300_000

/**
 * Waits until `condition` gives something truthy, and gives that back. It has no limit of its own: the test's timeout ends
 * it, and the failure's output then names `what` was waited for. A condition that throws counts as not yet. Only inside
 * a test, not in a hook.
 *
 * Of tests that run side by side vitest does not know which one calls, and the end of another one would end this: there the
 * limit is its own, far behind that of any test.
 */
export async function until<T>(condition: () => T | Promise<T>, what: string): Promise<NonNullable<T>> {
  const state = { waiting: true, over: false }
  let last: unknown
  const report = () => {
    if (state.waiting) console.error(`Still waited for ${what}.`, last ?? '')
  }
  const end = () => {
    state.over = true
  }
  const test = TestRunner.getCurrentTest<RunnerTestCase | undefined>()
  if (test === undefined || test.concurrent) {
    setTimeout(report, LIMIT_MS / 2).unref()
    setTimeout(end, LIMIT_MS).unref()
  } else {
    onTestFinished(end)
    onTestFailed(report)
  }
  while (!state.over) {
    try {
      const value = await condition()
      if (value) {
        state.waiting = false
        return value
      }
      last = undefined
    } catch (error) {
      last = error
    }
    await sleep(10)
  }
  throw new Error(`The test ended while it waited for ${what}`, { cause: last })
}
