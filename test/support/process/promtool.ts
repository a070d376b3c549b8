/** promtool, of Prometheus: reads its rules and its text format, and evaluates rules over given series. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { environmentOf, findProgram, type Program } from './debian.ts'
import { leftOut } from './installed.ts'

/** Undefined, with the reason printed, if there is none and none can be downloaded. */
export const promtool: Program | undefined = await findProgram({
  names: ['promtool'],
  debian: { packages: ['prometheus'], file: 'usr/bin/promtool', libraries: /^$/ },
}).catch((error: unknown) => leftOut(`there is no promtool (apt-get install prometheus): ${String(error)}`))

/** @returns all that it printed. */
export async function runPromtool(args: readonly string[], input = ''): Promise<{ code: number; said: string }> {
  if (promtool === undefined) throw new Error('There is no promtool')
  const child = spawn(promtool.file, args, { env: environmentOf(promtool), timeout: 60_000, killSignal: 'SIGKILL' })
  child.stdin.on('error', () => {}).end(input)
  const [said, more, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ])
  return { code, said: said + more }
}
