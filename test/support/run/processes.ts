/** Finds and ends the processes of a run of tests by the folder they work in, whatever their parent is by now. */
import { execFile } from 'node:child_process'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

/**
 * Processes whose working directory is below the folder, or whose TMPDIR is: servers work in their data directory, commands in a
 * scratch folder, and everything else inherits the environment. A parent would not do: it may be gone before its child.
 */
async function processesBelow(folder: string): Promise<number[]> {
  const pids = await readdir('/proc').catch(() => undefined)
  if (pids === undefined) return byEnvironment(folder)
  const isBelow = async (pid: string): Promise<boolean> => {
    const [cwd, environment] = await Promise.all([
      readlink(`/proc/${pid}/cwd`).catch(() => ''),
      readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''),
    ])
    return `${cwd}/`.startsWith(`${folder}/`) || environment.split('\0').some((line) => isTemporary(line, folder))
  }
  const numbers = pids.filter((name) => /^\d+$/.test(name))
  const below = await Promise.all(numbers.map(isBelow))
  return numbers
    .filter((_, at) => below[at])
    .map(Number)
    .filter(isOther)
}

/** Kills until none is found: one of them may just have started another. Servers of Postgres get a moment to end. */
export async function killBelow(folder: string): Promise<void> {
  for (let look = 0; look < LOOKS; look++) {
    const pids = await processesBelow(folder)
    if (pids.length === 0) return
    for (const pid of pids) {
      // At once, too, but without leaving a segment of shared memory (`ipcs -m`), of which a system has 4,096.
      if (look < POSTGRES_LOOKS && (await isPostgres(pid))) send('SIGQUIT', pid)
      else kill(pid)
    }
    await sleep(50)
  }
}

export const kill = (pid: number): void => send('SIGKILL', pid)

// --- internal ---

const LOOKS = 100
const POSTGRES_LOOKS = 40

function send(signal: NodeJS.Signals, pid: number): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has already ended.
  }
}

const isPostgres = async (pid: number): Promise<boolean> =>
  (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() === 'postgres'

const isOther = (pid: number): boolean => pid !== process.pid

const isTemporary = (line: string, folder: string): boolean => `${line}/`.startsWith(`TMPDIR=${folder}/`)

/** For systems without /proc (macOS). */
async function byEnvironment(folder: string): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axEww', '-o', 'pid=,command='], { timeout: 10_000 })
  const lines = stdout.split('\n').filter((line) => line.includes(`${folder}/`))
  return lines.map((line) => Number.parseInt(line, 10)).filter(isOther)
}
