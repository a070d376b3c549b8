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
  let pause = FIRST_PAUSE_MS
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
    await sleep(pause)
    pause = Math.min(pause * 1.1, LONGEST_PAUSE_MS)
  }
  throw new Error(`The test ended while it waited for ${what}`, { cause: last })
}

// --- internal ---

const FIRST_PAUSE_MS = 10
/** After half a second of looking. A hundred looks a second, each with a statement, cost a twentieth of a core. */
const LONGEST_PAUSE_MS = 50
