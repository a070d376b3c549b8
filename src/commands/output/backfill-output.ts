/** How far a backfill is, all resources together, and how long it will take. */
import { duration, thousands } from '../../report/words.ts'
import type { BackfillStart } from '../../sync/run/backfill.ts'
import type { PullEvent } from '../../sync/run/resource-run.ts'

export interface Overall {
  /** How many records a list said it has; null where it is unknown. */
  expect(type: string, records: number | null): void
  begin(begun: BackfillStart): void
  event(event: PullEvent): void
  /** Empty until there is something to say. */
  line(at: number): string
}

/** Before this much is read the rate says little. */
const ENOUGH_MS = 2_000

export function createOverall(now = Date.now): Overall {
  const expected = new Map<string, number>()
  const read = new Map<string, { records: number; resumed: number; ended: boolean }>()
  let resources = 0
  let before = 0
  let since = 0
  return {
    expect: (type, records) => void (records !== null && expected.set(type, records)),
    begin({ left, done }) {
      resources = left.length + done
      before = done
      since = now()
    },
    event(event) {
      if (event.type === 'progress') {
        const { records, resumed, total } = event
        read.set(event.resource, { records, resumed, ended: false })
        if (total !== null) expected.set(event.resource, total)
      } else if (event.type === 'end') {
        const one = read.get(event.resource)
        read.set(event.resource, { records: event.seen, resumed: one?.resumed ?? 0, ended: true })
        expected.set(event.resource, event.seen)
      }
    },
    line(at) {
      if (resources === 0) return ''
      const all = [...read.values()]
      const done = all.reduce((sum, { records }) => sum + records, 0)
      const resumed = all.reduce((sum, one) => sum + one.resumed, 0)
      const total = [...expected.values()].reduce((sum, records) => sum + records, 0)
      const ended = before + all.filter((one) => one.ended).length
      const parts = [`${ended} of ${resources} resources`]
      if (total > 0) parts.push(`${thousands(Math.min(done, total))} of ${thousands(total)} records`)
      const ms = at - since
      const rate = (done - resumed) / ms
      if (ms >= ENOUGH_MS && rate > 0 && total > done) parts.push(`about ${duration((total - done) / rate)} left`)
      return `  ${parts.join(' · ')}`
    },
  }
}
