/**
 * Waits until `condition` returns a truthy value, and returns it. It has no limit of its own: the test's timeout ends
 * it, and the failure's output then names `what` it waited for. A condition that throws counts as not yet. Only inside
 * a test, not in a hook.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFailed, onTestFinished } from './run/test-context.ts'

export async function until<T>(condition: () => T | Promise<T>, what: string): Promise<NonNullable<T>> {
  const state = { waiting: true, over: false }
  let last: unknown
  onTestFinished(() => {
    state.over = true
  })
  onTestFailed(() => {
    if (state.waiting) console.error(`Still waited for ${what}.`, last ?? '')
  })
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
