/** Whether a part that never ends still turns. */

/** @returns what it did last, for a person. @throws when that is too long ago, with what to say of it. */
export type LivenessCheck = () => string

/** A loop that has not come round for this long beyond its own pause hangs. */
const GRACE_MS = 60_000

/** @param last by `performance.now()`. @param pauseMs how long it rests at most. */
export function looked(last: number, pauseMs: number): string {
  const silent = performance.now() - last
  const seconds = Math.round(silent / 1000)
  if (silent > pauseMs + GRACE_MS) throw new Error(`has not come round for ${seconds} s`)
  return `last looked ${seconds} s ago`
}

/** The words of the first, where all turn. */
export const allAlive =
  (livenessChecks: readonly LivenessCheck[]): LivenessCheck =>
  () =>
    livenessChecks.map((liveness) => liveness())[0] ?? 'ok'
