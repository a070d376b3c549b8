/** Log lines: JSON for machines, readable ones on a terminal; always on stderr, since stdout is a command's answer. */
import { createRequire } from 'node:module'
import { pino, type Logger } from 'pino'
import type * as PinoPretty from 'pino-pretty'
import { isNotice, type SyncError } from './errors/sync-error.ts'
import { stderr } from './screen/streams.ts'
import { visible, visibleJsonLine } from './screen/visible.ts'

export type { Logger }

/**
 * Names under which a secret could be logged by mistake. The values themselves never reach a log call; this is the
 * second lock.
 */
const SECRET_PATHS = ['clientSecret', 'password', 'token', 'accessToken', 'refreshToken', 'authorization'].flatMap(
  (name) => [name, `*.${name}`, `*.*.${name}`],
)

export function createLogger({ level, terminal }: { level: string; terminal: boolean }): Logger {
  const options = { level, base: null, redact: { paths: SECRET_PATHS, censor: '[secret]' } }
  if (!terminal) return pino({ ...options, timestamp: pino.stdTimeFunctions.isoTime }, sink(machineLine))
  // Loaded only here: it is needed on a terminal alone.
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty
  const pretty = prettyFactory({ translateTime: 'HH:MM:ss', colorize: true })
  return pino(
    options,
    sink((line) => pretty(shown('', JSON.parse(line)))),
  )
}

/** pino makes no line break but the one at the end. */
const machineLine = (line: string): string => `${visibleJsonLine(line.trimEnd())}\n`

/** Lines that no reader takes are left out, so that they neither hold the process nor fill its memory; their number is logged. */
function sink(format: (line: string) => string): { write(line: string): void } {
  let leftOut = 0
  return {
    write(line) {
      if (leftOut > 0) {
        const note = {
          level: 40,
          time: Date.now(),
          msg: `${leftOut} lines of the log were left out: no reader took them`,
        }
        if (!stderr.log(format(`${JSON.stringify(note)}\n`))) return void leftOut++
        leftOut = 0
      }
      if (!stderr.log(format(line))) leftOut++
    },
  }
}

/** Its colours and line breaks are the formatter's own; what it is given has none. */
function shown(key: string, value: unknown): unknown {
  if (typeof value === 'string') return key === 'stack' ? frames(value) : visible(value)
  if (Array.isArray(value)) return value.map((one) => shown('', one))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [visible(name), shown(name, one)]))
}

/** Of a stack the lines that the engine made; the message before them may have some of its own. */
export const frames = (stack: string): string =>
  stack
    .split('\n')
    .filter((line) => FRAME.test(line))
    .map(visible)
    .join('\n')

const FRAME = /^ {4}at \S/

/** Retries log at debug level; notices, which a person may act on, as warnings. */
export const noteRetries =
  (log: Logger) =>
  (error: SyncError): void =>
    log[isNotice(error) ? 'warn' : 'debug']({ code: error.code }, error.message)
