/** Log lines: JSON for machines, readable ones on a terminal; always on stderr, since stdout is a command's answer. */
import { pino, type Logger } from 'pino'
import pretty from 'pino-pretty'
import type { SyncError } from './sync-error.ts'

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
  if (terminal) return pino(options, pretty({ destination: 2, sync: true, translateTime: 'HH:MM:ss' }))
  return pino({ ...options, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }))
}

/** What is tried again is told to who looks for it; to everybody, what the pace does otherwise, and what a person can end. */
export const noteRetries =
  (log: Logger) =>
  ({ code, message }: SyncError): void =>
    log[code.startsWith('SYNC_PACE_') || code === 'SYNC_TABLES_HELD' ? 'warn' : 'debug']({ code }, message)
