/**
 * What a store has to be given, although its connection is lost for a while. A refresh token that came with a response is gone if it
 * is not stored, and a person would have to log in again; a claim that stays holds up the token of the whole fleet for 90 s.
 */
import { backoff, RETRY, sleep } from '../http/retry.ts'

/** A third of a claim; a Postgres that restarts is back after 2 s. */
const LONGEST_MS = 30_000

/** @param act may run twice, and does then what once does. @throws what it throws at last; at once, when the signal has fired. */
export async function insist<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const began = performance.now()
  for (let attempt = 0; ; attempt++) {
    try {
      return await act()
    } catch (error) {
      const isOver = attempt + 1 >= RETRY.attempts || performance.now() - began > LONGEST_MS
      if (isOver || signal.aborted) throw error
      await sleep(backoff(attempt, RETRY), signal)
    }
  }
}
