/**
 * Loaded before a program (`--import`): its clock is wrong by SHIFT_SECONDS, and by as much again with each SIGUSR2. Clocks
 * that cannot be set (`performance.now`, timers) stay as they are, as on a real host.
 */
const RealDate = Date
const step = Number(process.env['SHIFT_SECONDS'] ?? 0) * 1000
let shift = process.env['SHIFT_AT_FIRST'] === 'no' ? 0 : step
process.on('SIGUSR2', () => (shift += step))

globalThis.Date = class extends RealDate {
  constructor(...given: readonly unknown[]) {
    if (given.length === 0) super(RealDate.now() + shift)
    else super(...(given as [number]))
  }

  static override now(): number {
    return RealDate.now() + shift
  }
} as DateConstructor
