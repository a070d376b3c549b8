/**
 * The only writer of stdout and stderr. All text from outside passes here on its way to a person, so it is escaped here
 * (visible.ts), line by line: a line break inside a line is escaped, too.
 *
 * No failure of these streams ends a run, whose result is in the database: a full disk, a reader that exits (`| head`), a closed
 * terminal, a reader that does not read.
 */
import type { WriteStream } from 'node:tty'
import { visible, visibleJson } from './visible.ts'

export interface Output {
  /** It is a terminal, which a person reads. */
  readonly terminal: boolean
  /** Width of the terminal; undefined where there is none. */
  columns(): number | undefined
  /** Each is one line. */
  readonly say: (lines: string | readonly string[]) => void
  readonly json: (value: unknown) => void
  /** For a file or another program, to which a changed character is a loss: as it is there, and escaped on a terminal. */
  readonly exact: (text: string) => void
  /** A line of a log, escaped already. False when it was dropped, since the reader has not read those before it. */
  log(line: string): boolean
  /** The first error of the stream; undefined where there is none, or where the reader has closed it. */
  failure(): NodeJS.ErrnoException | undefined
  /** Resolves when everything is written. */
  flushed(): Promise<void>
}

/** Bytes that wait for a reader, before log lines are dropped. A pipe holds 64 KB more. */
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
    exact: (text) => void stream.write(stream.isTTY ? `${visible(text.trimEnd())}\n` : text),
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
 * A terminal that is paused (Ctrl-S, a connection that hangs) would block the whole process: Node writes to terminals
 * synchronously.
 */
function unblock(stream: WriteStream): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?: (blocking: boolean) => void } }
  if (stream.isTTY) handle?.setBlocking?.(false)
}

export const stdout: Output = outputOn(process.stdout)
export const stderr: Output = outputOn(process.stderr)

/** Progress is repainted on stderr above lines on stdout, so both have to be the terminal. */
export const onTerminal = (): boolean => stdout.terminal && stderr.terminal
