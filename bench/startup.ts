/**
 * What a command costs before it does anything: CPU (user and system) of `--help` and `status`, CPU and time of `start` until it
 * is ready, beside a warm database and a simulated account.
 *
 *   npm run bench:startup -- [--worker FOLDER]... [--runs 7]
 *
 * Each FOLDER is a checkout with its node_modules; several are measured in turn, so that they share whatever else the machine
 * does. DATABASE_URL names the database that is used: it is migrated, and `start` reads nothing into it.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { startSimulator } from '../src/simulator/server.ts'
import { PRODUCT_FLAGS } from '../test/support/process/product-flags.ts'

interface Cost {
  readonly cpuMs: number
  readonly wallMs: number
}

const { values } = parseArgs({
  options: { worker: { type: 'string', multiple: true, default: ['.'] }, runs: { type: 'string', default: '7' } },
})
const { DATABASE_URL } = process.env
if (DATABASE_URL === undefined) throw new Error('Set DATABASE_URL to a database that may be written.')

const simulator = await startSimulator({ projects: 1, port: 0 })
const env = {
  ...process.env,
  DATABASE_URL,
  SCOPESTACK_AUTH_URL: simulator.url,
  SCOPESTACK_API_URL: simulator.url,
  SCOPESTACK_CLIENT_ID: simulator.credentials.clientId,
  SCOPESTACK_CLIENT_SECRET: simulator.credentials.clientSecret,
  SYNC_SCHEDULE: 'off',
  SYNC_INCREMENTAL_SCHEDULE: 'off',
  HTTP_PORT: '0',
  LOG_LEVEL: 'info',
}

/** Prints its CPU when it ends. */
const REPORT = `data:text/javascript,${encodeURIComponent(`
  process.on('exit', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuMs: (user + system) / 1000 })
  })`)}`

/** Ends the process once a line of its output holds `until`; without it, waits for its end. */
async function run(folder: string, args: readonly string[], until?: string): Promise<Cost> {
  const begun = performance.now()
  const flags = [...PRODUCT_FLAGS, '--import', REPORT]
  const child = spawn(process.execPath, [...flags, 'src/cli.ts', ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let cpuMs = 0
  let wallMs = 0
  child.on('message', (message) => void (cpuMs = (message as { cpuMs: number }).cpuMs))
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => {
      if (until === undefined || wallMs > 0 || !line.includes(until)) return
      wallMs = performance.now() - begun
      child.kill('SIGTERM')
    })
  }
  await new Promise((resolve) => child.once('close', resolve))
  return { cpuMs, wallMs: wallMs === 0 ? performance.now() - begun : wallMs }
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0

const COMMANDS: readonly { readonly args: readonly string[]; readonly until?: string }[] = [
  { args: ['--help'] },
  { args: ['pull', '--help'] },
  { args: ['status'] },
  { args: ['start'], until: '"started"' },
]

for (const folder of values.worker) await run(folder, ['migrate'])
for (const { args, until } of COMMANDS) {
  const costs = new Map<string, Cost[]>(values.worker.map((folder) => [folder, []]))
  for (let round = 0; round < Number(values.runs); round++) {
    for (const [folder, found] of costs) found.push(await run(folder, args, until))
  }
  for (const [folder, found] of costs) {
    const cpu = median(found.map(({ cpuMs }) => cpuMs))
    const wall = median(found.map(({ wallMs }) => wallMs))
    console.log(
      `${args.join(' ').padEnd(12)} ${cpu.toFixed(0).padStart(5)} ms CPU ${wall.toFixed(0).padStart(5)} ms  ${folder}`,
    )
  }
}
await simulator.close()
