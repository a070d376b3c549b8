/** Runs a command on a terminal, so that tests press keys instead of sending signals. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { atExit } from '../run/at-exit.ts'

export interface Terminal {
  /** The whole output on the screen so far. */
  screen(): string
  /** Does nothing once the command has ended: the echo of the key would stand among the terminal's settings. */
  press(key: string): void
  /** Resolves when the command has ended and the terminal is closed. */
  readonly closed: Promise<{ code: number; screen: string; settings: string }>
  kill(): void
}

export const CTRL_C = '\u0003'

/** A key that is pressed before this is on the screen may be lost: the terminal is not ready. */
export const BEGUN = '[begun]'

const ENDED = '[ended with'

/** The program that provides a terminal here: util-linux' `script`, or Python. Undefined: there is neither. */
export async function findTerminal(): Promise<Opener | undefined> {
  const answers = (file: string, args: string[]) =>
    promisify(execFile)(file, args, { timeout: 20_000, killSignal: 'SIGKILL' }).then(
      ({ stdout }) => stdout,
      () => '',
    )
  if ((await answers('script', ['--version'])).includes('util-linux')) {
    return (command) => ['script', '-qefc', command, '/dev/null']
  }
  if ((await answers('python3', ['-c', 'import pty; print("pty")'])).includes('pty')) {
    return (command) => ['python3', '-c', PYTHON, command]
  }
  return undefined
}

export function openTerminal(
  open: Opener,
  command: string,
  where: { cwd: string; env: Record<string, string> },
): Terminal {
  // The shell outlives the command, to report its exit code and the settings of the terminal, also while Ctrl-C
  // is held: a trap is not inherited, and `stty` ended by the signal between two lines; what is ignored is inherited.
  const report = `echo "${ENDED} $?]"; trap '' INT; stty -a`
  const [file, ...args] = open(`trap : INT; echo '${BEGUN}'; ${command}; ${report}`)
  const child = spawn(file!, args, {
    cwd: where.cwd,
    env: {
      PATH: process.env['PATH'],
      // npm takes it, too.
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      SHELL: '/bin/sh',
      TERM: 'xterm',
      ...where.env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const die = () => void child.kill('SIGKILL')
  const forget = atExit(die)
  // A key that is pressed as the terminal closes has no reader.
  child.stdin.on('error', () => {})
  let screen = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (screen += text))
  }
  const closed = once(child, 'close').then(() => {
    forget()
    const [before = '', code, after = ''] = screen.split(/\[ended with (\d+)\]/)
    if (code === undefined) throw new Error(`The command did not end; the screen shows:\n${screen}`)
    return { code: Number(code), screen: before, settings: after }
  })
  const press = (key: string) => {
    if (!screen.includes(ENDED)) child.stdin.write(key)
  }
  return { screen: () => screen, press, closed, kill: die }
}

/** Processes with the folder in an argument or in their environment. */
export async function processesAt(folder: string): Promise<string[]> {
  const read = (pid: string, file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [line, environment] = await Promise.all([read(pid, 'cmdline'), read(pid, 'environ')])
      return line.includes(folder) || environment.includes(folder) ? `${pid}: ${line.replaceAll('\0', ' ')}` : ''
    }),
  )
  return found.filter((line) => line !== '')
}

// --- internal ---

type Opener = (command: string) => string[]

const PYTHON = `
import os, pty, select, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp('sh', ['sh', '-c', sys.argv[1]])
keys = [0]
while True:
    ready, _, _ = select.select([terminal] + keys, [], [])
    if 0 in ready:
        typed = os.read(0, 1024)
        if typed: os.write(terminal, typed)
        else: keys = []
    if terminal in ready:
        try: shown = os.read(terminal, 65536)
        except OSError: break
        if not shown: break
        os.write(1, shown)
os.waitpid(pid, 0)
`
