#!/usr/bin/env -S node --max-semi-space-size=16 --max-old-space-size=512
/**
 * Where the process begins. Signals are listened to before the program is loaded: until then SIGTERM would be lost on
 * process 1 of a container, for which the kernel has no default.
 */
import { cacheCompiledCode } from './compile-cache.ts'
import { listenForStop } from './signals.ts'
import { fitYoungGeneration } from './young-generation.ts'

const stop = listenForStop()
fitYoungGeneration()
cacheCompiledCode()
const { leave, main } = await import('./program.ts')
process.exitCode = await main(process.argv.slice(2), stop)
await leave()
