/** How `start` ends: everything that turns at once, so that several who wait for the same silent server wait together. */
import type { Queues } from '../../jobs/queues.ts'
import type { Part } from '../../jobs/service.ts'
import type { Web } from '../../web/health.ts'

interface Opened {
  readonly running: readonly Pick<Part, 'drain'>[]
  /** What they need, in the order in which it was opened: a worker's last page still does. */
  readonly opened: readonly (() => Promise<void>)[]
  readonly web: Web | undefined
  readonly queues: Queues | undefined
}

export async function drain({ running, opened, web, queues }: Opened): Promise<void> {
  await Promise.all(running.map((part) => part.drain()))
  for (const close of opened.toReversed()) await close()
  await queues?.close()
  await web?.close()
}
