#!/usr/bin/env -S node --max-semi-space-size=4 --max-old-space-size=512
/**
 * Where the process begins. Signals are listened to before the program is loaded, which takes a second: until then
 * SIGTERM would be lost on process 1 of a container, for which the kernel has no default.
 */
import { listenForStop } from './signals.ts'

const stop = listenForStop()
const { leave, main } = await import('./program.ts')
// Signals that came meanwhile are heard now, before anything is begun.
await new Promise(setImmediate)
stop.begin()
process.exitCode = await main(process.argv.slice(2), stop.signal)
await leave()
