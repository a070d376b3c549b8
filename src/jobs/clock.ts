/**
 * The database's clock, as a process of `start` keeps it between two looks: counted on by a clock of the host that nobody can
 * set. By it ticks are decided, and BullMQ keeps its locks and delays.
 *
 * A host's own clock decides nothing. Where it is off, that is said, since logs, certificates and people go by it; and so is
 * a ScopeStack whose clock is another one, since times of its records are by that.
 */
import type { Logger } from '../logger.ts'
import type { Database } from '../store/connection/database.ts'
import { readClock, type ClockReading } from '../store/server/clock.ts'

export interface Clock {
  /** Asks the database. */
  read(): Promise<Date>
  /** As it was read last, counted on. */
  now(): Date
  /** What is off, in a sentence; null when nothing is. */
  notice(): string | null
  /** From now on it is compared with ScopeStack's, too; null before its first answer. */
  compareWith(remoteTime: () => number | null): void
}

/** Less is nothing that anybody has to do something about: answers take their time, and ScopeStack's says seconds. */
const OFF_MS = 60_000
/** Below that the time that is counted on is as good as the one that is read: it is not to move back and forth. */
const SAME_MS = 1_000

/** The host's own, which may be set at any time. Taken before BullMQ is given another. */
const hostTime = Date.now.bind(Date)

interface Deps {
  readonly sql: Database
  readonly log: Logger
}

export async function openClock({ sql, log }: Deps): Promise<Clock> {
  let kept: ClockReading = await readClock(sql)
  let said: Difference[] = []
  let remoteTime = (): number | null => null
  const now = (): number => kept.now + (performance.now() - kept.at)

  function compare(withinMs: number): void {
    const remote = remoteTime()
    const found = [
      ...differenceOf('host', hostTime() - now(), withinMs),
      ...(remote === null ? [] : differenceOf('ScopeStack', remote - now(), withinMs + 1_000)),
    ]
    for (const one of found) if (!said.some((before) => isAlike(before, one))) log.warn({ clock: one.whose }, one.text)
    for (const { whose } of said) {
      if (!found.some((one) => one.whose === whose)) log.info({ clock: whose }, `${NAME[whose]} is right again.`)
    }
    said = found
  }

  compare(kept.withinMs)
  return {
    async read() {
      const found = await readClock(sql)
      // Never by less than what the answer may be late: of a slow one nothing is learned.
      if (Math.abs(found.now + performance.now() - found.at - now()) > SAME_MS + found.withinMs) kept = found
      compare(found.withinMs)
      // As it was said, and not as it is counted on: what is decided by it is never decided too early.
      return new Date(found.now)
    },
    now: () => new Date(now()),
    compareWith: (other) => (remoteTime = other),
    notice: () => (said.length === 0 ? null : said.map(({ text }) => text).join(' ')),
  }
}

/**
 * BullMQ asks `Date.now()` for the end of each lock and each delay, and its other workers hold that against theirs: with a
 * host a day ahead its own jobs wait a day, those of others count as abandoned, and their retries lose their pauses. It knows
 * no other clock to be given, so in a process of `start` this one answers.
 */
export function useDatabaseClockInQueue(clock: Clock): void {
  Date.now = () => Math.floor(clock.now().getTime())
}

/** What a command says of its own host; null when its clock is right. */
export function hostClockNotice({ now, at, withinMs }: ClockReading): string | null {
  return differenceOf('host', hostTime() - (now + performance.now() - at), withinMs)[0]?.text ?? null
}

type Whose = 'host' | 'ScopeStack'

interface Difference {
  readonly whose: Whose
  readonly seconds: number
  readonly text: string
}

const NAME: Readonly<Record<Whose, string>> = { host: "This host's clock", ScopeStack: "ScopeStack's clock" }

/** A clock that goes on being off is told of once, and again when it is off by something else. */
const isAlike = (one: Difference, other: Difference): boolean =>
  one.whose === other.whose && Math.abs(one.seconds - other.seconds) < OFF_MS / 1000

const REMEDY: Readonly<Record<Whose, string>> = {
  host: 'Nothing is decided by it; set it right (chrony or systemd-timesyncd do), since certificates and other logs go by it.',
  ScopeStack:
    'What changed is read from so much earlier, so that nothing is missed. Which of the two is wrong a third clock tells: see that the database server keeps time by NTP.',
}

function differenceOf(whose: Whose, ms: number, withinMs: number): Difference[] {
  if (Math.abs(ms) <= OFF_MS + withinMs) return []
  const seconds = Math.round(ms / 1000)
  const text = `${NAME[whose]} is ${spoken(Math.abs(seconds))} ${seconds > 0 ? 'ahead of' : 'behind'} the database's. ${REMEDY[whose]}`
  return [{ whose, seconds, text }]
}

function spoken(seconds: number): string {
  for (const [unit, size] of [
    ['days', 86_400],
    ['hours', 3_600],
    ['minutes', 60],
  ] as const) {
    if (seconds >= 2 * size) return `${Math.round((10 * seconds) / size) / 10} ${unit}`
  }
  return `${seconds} seconds`
}
