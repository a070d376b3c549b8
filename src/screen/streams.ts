/**
 * The only writer of stdout and stderr. What comes from outside passes here on its way to a person, so here it is made
 * visible, by lines: their ends are ours, and one inside a line is shown.
 *
 * Nothing that happens to them ends a run, whose result is in the database: a full disk, a reader who went (`| head`), a
 * closed terminal, a reader who does not read.
 */
import type { WriteStream } from 'node:tty'
import { visible, visibleJson } from './visible.ts'

export interface Output {
  /** A person reads it. */
  readonly terminal: boolean
  /** Of the terminal; undefined where there is none. */
  columns(): number | undefined
  /** Each is one line. */
  readonly say: (lines: string | readonly string[]) => void
  readonly json: (value: unknown) => void
  /** A line of a log, visible already. False when it was left out, since those before it have not been read. */
  log(line: string): boolean
  /** What went wrong with it; undefined where nothing did, or where the reader went, who had enough. */
  failure(): NodeJS.ErrnoException | undefined
  /** Until everything has left. */
  flushed(): Promise<void>
}

/** Of log lines that wait for a reader. A pipe holds 64 KB more. */
const MOST_WAITING = 1_000_000

function outputOn(stream: WriteStream): Output {
  let failed: NodeJS.ErrnoException | undefined
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') failed ??= error
  })
  unblock(stream)
  return {
    terminal: stream.isTTY,
    columns: () => (stream.isTTY ? stream.columns : undefined),
    say(lines) {
      const all = typeof lines === 'string' ? [lines] : lines
      if (all.length > 0) stream.write(all.map((line) => `${visible(line)}\n`).join(''))
    },
    json: (value) => void stream.write(`${visibleJson(value)}\n`),
    log(line) {
      if (stream.writableLength > MOST_WAITING) return false
      stream.write(line)
      return true
    },
    failure: () => failed,
    flushed: () =>
      new Promise((resolve) => {
        if (stream.writableLength === 0) resolve()
        else stream.write('', () => resolve())
      }),
  }
}

/**
 * A terminal that is held (Ctrl-S, a connection that hangs) would hold the whole process: Node writes to terminals, and to
 * nothing else that can hang, until all is written.
 */
function unblock(stream: WriteStream): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?: (blocking: boolean) => void } }
  if (stream.isTTY) handle?.setBlocking?.(false)
}

export const stdout: Output = outputOn(process.stdout)
export const stderr: Output = outputOn(process.stderr)

/** Repainting needs both: what has ended goes to stdout, or is read there. */
export const onTerminal = (): boolean => stdout.terminal && stderr.terminal
