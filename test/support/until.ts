import { setTimeout as sleep } from 'node:timers/promises'

import { onTestFailed, onTestFinished } from 'vitest'

/**
 * Waits until `condition` gives something truthy, and gives that back. It has no limit of its own: the test's timeout ends
 * it, and the failure then names `what` was waited for. A condition that throws counts as not yet.
 */
export async function until<T>(condition: () => T | Promise<T>, what: string): Promise<NonNullable<T>> {
  let over = false
  let last: unknown
  onTestFinished(() => {
    over = true
  })
  onTestFailed(() => {
    if (waiting) console.error(`Still waited for ${what}. ${last === undefined ? '' : String(last)}`)
  })
  let waiting = true
  while (!over) {
    try {
      const value = await condition()
      if (value) {
        waiting = false
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
