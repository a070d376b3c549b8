/**
 * What the log of the embedded Postgres reports of its own life. Other lines hold statements and values, so only messages that are
 * listed here are read out of it, in words of ours.
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'

export interface LogEvent {
  readonly at: string
  readonly event: string
}

const EVENTS: readonly (readonly [pattern: RegExp, event: string])[] = [
  [/starting PostgreSQL/, 'starting'],
  [/database system is ready to accept connections/, 'ready'],
  [/database system was (?:interrupted|not properly shut down)/, 'recovers from a crash'],
  [/received (?:fast|smart) shutdown request/, 'asked to stop'],
  [/received immediate shutdown request/, 'asked to stop at once'],
  [/database system is shut down/, 'stopped'],
  [/terminated by signal/, 'a server process was killed'],
  [/No space left on device/, 'no space left'],
  [/out of memory/i, 'out of memory'],
  [/invalid page in block|checksum/, 'damaged data'],
  [/too many clients already|remaining connection slots/, 'no connection left'],
  [/deadlock detected/, 'deadlock'],
]

const TAIL = 200_000
const NEWEST = 100

export async function readServerLog(folder: string): Promise<LogEvent[]> {
  const file = await open(join(folder, 'postgres.log'), 'r')
  try {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.alloc(Math.min(TAIL, size)),
      position: Math.max(0, size - TAIL),
    })
    return eventsIn(buffer.subarray(0, bytesRead).toString())
  } finally {
    await file.close()
  }
}

export const eventsIn = (log: string): LogEvent[] =>
  log
    .split('\n')
    .flatMap((line): LogEvent[] => {
      const [, at, message] =
        /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? UTC) \[\d+\] (?:LOG|WARNING|ERROR|FATAL|PANIC): +(.*)$/.exec(
          line,
        ) ?? []
      const event = EVENTS.find(([pattern]) => message !== undefined && pattern.test(message))?.[1]
      return at === undefined || event === undefined ? [] : [{ at, event }]
    })
    .slice(-NEWEST)
