/** While the demo is up, edits made with SQL are sent as they are made, and each is shown. */
import { openPusher, type Worker } from '../../assemble/worker.ts'
import { reason } from '../../errors/sync-error.ts'
import { sleep } from '../../remote/http/retry.ts'
import { listenForChanges, readDue } from '../../store/outbox/notify.ts'
import { changeName, type ChangeResult } from '../../sync/push/attempt.ts'
import { push } from '../../sync/push/push.ts'

/** What was postponed, and a wake-up that was missed, is noticed after this long. */
const LOOK_EVERY_MS = 1_000

/** Ends when the signal fires. */
export async function keepPushing(worker: Worker, signal: AbortSignal, say: (text: string) => void): Promise<void> {
  const pusher = openPusher(worker, { conflict: undefined })
  let wake = (): void => {}
  await listenForChanges(worker.presence, async () => wake())
  while (!signal.aborted) {
    const woken = new AbortController()
    wake = () => woken.abort()
    try {
      const { due } = await readDue(worker.sql)
      if (due) await push(pusher, { signal, patient: true, onResult: (settled) => say(settledLine(settled)) })
    } catch (error) {
      if (!signal.aborted) say(`  local edits wait: ${reason(error)}`)
    }
    await sleep(LOOK_EVERY_MS, AbortSignal.any([signal, woken.signal])).catch(() => {})
  }
}

const settledLine = ({ change, outcome, error }: ChangeResult): string =>
  `  ${changeName(change)}: ${outcome}${error === null ? '' : `. ${error.message}`}`
