/**
 * The database's clock in a process of `start`, which each heartbeat reads. Between two reads it advances by the host's monotonic clock, which cannot be
 * set. Ticks are decided by it, and BullMQ uses it for its locks and delays.
 *
 * The host's own wall clock decides nothing. Where it is off, a notice reports it, since logs, certificates and people use it; so
 * does one about ScopeStack's clock, which sets the times of its records.
 */
import type { Logger } from '../logger.ts'
import type { Database } from '../store/connection/database.ts'
import { readClock, type ClockReading } from '../store/server/clock.ts'

export interface Clock {
  /** Reads it from the database. */
  read(): Promise<Date>
  /** The same, of a statement that has read it beside what it is for. */
  take(reading: ClockReading): Date
  /** The last time read, advanced. */
  now(): Date
  /** A sentence about clocks that are off; null when none is. */
  notice(): string | null
  /** From now on it is compared with ScopeStack's, too; null before its first response. */
  compareWith(remoteTime: () => number | null): void
}

/** A smaller difference needs no action: responses take time, and ScopeStack reports whole seconds. */
const OFF_MS = 60_000
/** A smaller difference is ignored, so that the time does not move back and forth. */
const SAME_MS = 1_000

/** The host's wall clock, saved before Date.now is replaced for BullMQ. */
const hostTime = Date.now.bind(Date)

interface Deps {
  readonly sql: Database
  readonly log: Logger
}

export async function openClock({ sql, log }: Deps): Promise<Clock> {
  let kept: ClockReading = await readClock(sql)
  let reported: Difference[] = []
  let remoteTime = (): number | null => null
  const now = (): number => kept.now + (performance.now() - kept.at)

  function compare(withinMs: number): void {
    const remote = remoteTime()
    const found = [
      ...differenceOf('host', hostTime() - now(), withinMs),
      ...(remote === null ? [] : differenceOf('ScopeStack', remote - now(), withinMs + 1_000)),
    ]
    for (const one of found)
      if (!reported.some((before) => isAlike(before, one))) log.warn({ clock: one.whose }, one.text)
    for (const { whose } of reported) {
      if (!found.some((one) => one.whose === whose)) log.info({ clock: whose }, `${NAME[whose]} is right again.`)
    }
    reported = found
  }

  function take(found: ClockReading): Date {
    // A difference below the response's own delay proves nothing.
    if (Math.abs(found.now + performance.now() - found.at - now()) > SAME_MS + found.withinMs) kept = found
    compare(found.withinMs)
    // The time that was read, not the advanced one, so that nothing is decided too early.
    return new Date(found.now)
  }

  compare(kept.withinMs)
  return {
    read: async () => take(await readClock(sql)),
    take,
    now: () => new Date(now()),
    compareWith: (other) => (remoteTime = other),
    notice: () => (reported.length === 0 ? null : reported.map(({ text }) => text).join(' ')),
  }
}

/**
 * BullMQ takes `Date.now()` for the end of each lock and each delay, and its other workers hold that against theirs: with a
 * host a day ahead its own jobs wait a day, those of others count as abandoned, and their retries lose their pauses. It knows
 * no other clock to be given, so in a process of `start` it gets this one.
 */
export function useDatabaseClockInQueue(clock: Clock): void {
  Date.now = () => Math.floor(clock.now().getTime())
}

/** A sentence about the clock of a command's host; null when it is right. */
export function hostClockNotice({ now, at, withinMs }: ClockReading): string | null {
  return differenceOf('host', hostTime() - (now + performance.now() - at), withinMs)[0]?.text ?? null
}

/** The same of ScopeStack's clock. @param remote as its responses carry it at this moment, in ms since the epoch. */
export function remoteClockNotice(remote: number, { now, at, withinMs }: ClockReading): string | null {
  return differenceOf('ScopeStack', remote - (now + performance.now() - at), withinMs + 1_000)[0]?.text ?? null
}

/** Without a database to compare with: this host's clock against ScopeStack's, in seconds ahead; null when they agree. */
export function hostAheadOfRemote(remote: number): number | null {
  const ms = hostTime() - remote
  return Math.abs(ms) <= OFF_MS + 1_000 ? null : Math.round(ms / 1000)
}

type Whose = 'host' | 'ScopeStack'

interface Difference {
  readonly whose: Whose
  readonly seconds: number
  readonly text: string
}

const NAME: Readonly<Record<Whose, string>> = { host: "This host's clock", ScopeStack: "ScopeStack's clock" }

/** A clock that stays off is reported once, and again when the difference changes. */
const isAlike = (one: Difference, other: Difference): boolean =>
  one.whose === other.whose && Math.abs(one.seconds - other.seconds) < OFF_MS / 1000

const REMEDY: Readonly<Record<Whose, string>> = {
  host: 'Nothing is decided by it; set it right (chrony or systemd-timesyncd do), since certificates and logs depend on it.',
  ScopeStack:
    'Incremental reads start that much earlier, so that nothing is missed. Check that the database server keeps time by NTP, to see which of the two is wrong.',
}

function differenceOf(whose: Whose, ms: number, withinMs: number): Difference[] {
  if (Math.abs(ms) <= OFF_MS + withinMs) return []
  const seconds = Math.round(ms / 1000)
  const text = `${NAME[whose]} is ${spokenSeconds(Math.abs(seconds))} ${seconds > 0 ? 'ahead of' : 'behind'} the database's. ${REMEDY[whose]}`
  return [{ whose, seconds, text }]
}

export function spokenSeconds(seconds: number): string {
  for (const [unit, size] of [
    ['days', 86_400],
    ['hours', 3_600],
    ['minutes', 60],
  ] as const) {
    if (seconds >= 2 * size) return `${Math.round((10 * seconds) / size) / 10} ${unit}`
  }
  return `${seconds} seconds`
}
