/** How far a push is: repainted on a terminal, else a line now and then. What is settled with a word has its own line. */
import { duration, thousands } from '../../report/words.ts'
import { openLive } from '../../screen/live.ts'
import { onTerminal, stderr, stdout } from '../../screen/streams.ts'

export interface PushProgress {
  /** One more is settled; lines of its own stay. */
  settled(lines: readonly string[]): void
  /** Something to be known while it goes on. */
  note(line: string): void
  /** Clears what is painted. */
  end(): void
}

const PAINT_MS = 100
const PLAIN_MS = 10_000

/** @param total how many wait, before the first is sent. */
export function pushProgress(total: number): PushProgress {
  const since = Date.now()
  let done = 0
  const line = (): string => progressLine(done, total, Date.now() - since)
  if (!onTerminal()) {
    const timer = setInterval(() => stderr.say(line()), PLAIN_MS)
    return {
      settled(lines) {
        done++
        stdout.say(lines)
      },
      note: (text) => stderr.say(text),
      end: () => clearInterval(timer),
    }
  }
  const live = openLive()
  const timer = setInterval(() => live.paint(line()), PAINT_MS)
  return {
    settled(lines) {
      done++
      if (lines.length > 0) live.persist(lines)
    },
    note: (text) => live.persist(text),
    end() {
      clearInterval(timer)
      live.clear()
    },
  }
}

/** `… 120 of 1,000 changes, 14 s left`; edits that are made meanwhile are sent, too. */
export function progressLine(done: number, total: number, ms: number): string {
  const of = Math.max(total, done)
  const left = done > 0 && done < of ? `, about ${duration((ms / done) * (of - done))} left` : `, since ${duration(ms)}`
  return `… ${thousands(done)} of ${thousands(of)} change${of === 1 ? '' : 's'}${left}`
}
