/**
 * One operation for all callers that want its result at the same time. It belongs to none of them: a caller that gives up
 * leaves it to the others. The last one to give up aborts it and waits until it has ended, so that its cleanup is done.
 */
import { once } from 'node:events'
import { stopped } from '../../errors/commands.ts'

interface Flight<T> {
  readonly abort: AbortController
  readonly result: Promise<T>
  callers: number
}

/** @returns joins the operation under way, or starts it. @throws SyncError SYNC_STOPPED when the caller's signal fires. */
export function createSingleFlight<T>(start: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let flight: Flight<T> | undefined

  function begin(): Flight<T> {
    const abort = new AbortController()
    return { abort, result: start(abort.signal), callers: 0 }
  }

  return async (signal) => {
    const joined = (flight ??= begin())
    joined.callers++
    try {
      return await unlessAborted(joined.result, signal)
    } finally {
      if (--joined.callers === 0) {
        // A caller that comes now starts the next one: this one only ends.
        if (flight === joined) flight = undefined
        joined.abort.abort()
        await joined.result.catch(() => {})
      }
    }
  }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const done = new AbortController()
  const aborted = once(signal, 'abort', { signal: done.signal }).then(() => Promise.reject(stopped()))
  try {
    if (signal.aborted) throw stopped()
    return await Promise.race([promise, aborted])
  } finally {
    done.abort()
    aborted.catch(() => {})
  }
}
