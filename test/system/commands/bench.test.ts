/** The benchmark itself: that it comes to an end, and leaves nothing behind, however it ends. What it measures is no test. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync } from 'node:fs'
import { glob, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { readOptions } from '../../../bench/options.ts'
import type { Results } from '../../../bench/run.ts'
import { until } from '../../support/until.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const RUN = join(ROOT, 'bench/run.ts')

/** As root, Postgres runs as another user, who needs access. */
function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'benched-'))
  chmodSync(folder, 0o711)
  return folder
}

const leftIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.startsWith('scopestack'))

test('npm run bench measures each phase of a load', async () => {
  const folder = emptyFolder()
  const args = [RUN, 'load', '--quick', '--records', '200', '--json']
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, TMPDIR: folder } })
  const { series } = JSON.parse(stdout) as Results
  const phases = series[0]!.rounds[0]!.phases
  const limits = ['download', 'parse', 'copy']
  const pulls = ['first', 'unchanged304', 'unchanged']
  expect(Object.keys(phases).toSorted()).toEqual([...limits, 'loop', ...pulls].toSorted())
  expect(Object.entries(phases).filter(([, { records }]) => records < 200)).toEqual([])
  // The limit reads what the pull has read; a server without ETags sends all of it again.
  expect(phases['parse']!.requests).toBe(phases['download']!.requests)
  expect(phases['unchanged304']!.statuses['304']).toBeGreaterThan(0)
  expect(phases['unchanged']!.statuses['304']).toBeUndefined()
  await until(async () => (await leftIn(folder)).length === 0, 'the folder of the benchmark to be removed')
})

test('a benchmark whose npm is killed leaves no server and no folder', async () => {
  const folder = emptyFolder()
  const env = { ...process.env, TMPDIR: folder }
  const npm = spawn('npm', ['run', 'bench', '--', 'load', '--quick'], { cwd: ROOT, env, stdio: 'ignore' })
  const server = await until(async () => {
    const [file] = await Array.fromAsync(glob('*/*/data/postmaster.pid', { cwd: folder }))
    const [pid, ...lines] = (await readFile(join(folder, file!), 'utf8')).split('\n')
    // Before that it is the one that makes the cluster.
    return lines.some((line) => line.trim() === 'ready') ? Number(pid) : undefined
  }, 'its Postgres')
  npm.kill('SIGKILL')
  await once(npm, 'exit')
  await until(() => !isAlive(server), 'the end of its Postgres')
  await until(async () => (await leftIn(folder)).length === 0, 'its folder to be removed')
})

test.each([
  [['nothing'], 'There is no section "nothing". There are load, '],
  [['--records', 'many'], '--records takes a whole number from 200 up, not "many".'],
  [['--postgres', '9'], '--postgres takes some of 15, 16, 17, 18, not "9".'],
  [['--fast'], '"npm run bench -- --help" lists the options.'],
])('the benchmark says what to do about %j', (args, sentence) => {
  expect(() => readOptions(args)).toThrow(sentence)
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
