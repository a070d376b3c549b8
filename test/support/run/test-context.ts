/**
 * `onTestFinished` and `onTestFailed` for the test that calls them. Vitest's global ones take the test that began last: behind an
 * `await`, in a file whose tests run at the same time, that is another one, and its end would take the servers of this one along.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { TestContext } from 'vitest'

export const contexts = new AsyncLocalStorage<TestContext>()

export const onTestFinished: TestContext['onTestFinished'] = (...given) => current().onTestFinished(...given)

export const onTestFailed: TestContext['onTestFailed'] = (...given) => current().onTestFailed(...given)

// --- internal ---

function current(): TestContext {
  const context = contexts.getStore()
  if (context === undefined) throw new Error('This can only be called inside a test')
  return context
}
