/** What happens when a run was opened, by the schedule or by a person: it is logged, and its jobs are made below its span. */
import type { Logger } from '../logger.ts'
import { UNTRACED, type Tracing } from '../tracing.ts'
import type { Queues } from './queues.ts'

export interface BeginRunDeps {
  /** Undefined until it is open: the reconciler makes the jobs then. */
  readonly queues: Pick<Queues, 'addRun'> | undefined
  readonly log: Logger
  readonly tracing?: Tracing | undefined
}

interface OpenedRun {
  readonly id: number
  readonly kind: string
  readonly resources: readonly string[]
  /** When it was due; undefined for one that a person asked for. */
  readonly tick?: Date
}

/** @throws what the queue throws. */
export async function beginRun(
  { queues, log, tracing = UNTRACED }: BeginRunDeps,
  { id, kind, resources, tick }: OpenedRun,
): Promise<void> {
  log.info({ run: id, kind, ...(tick === undefined ? {} : { tick }), resources: resources.length }, 'run begins')
  const facts = { 'scopestack.run': id, 'scopestack.kind': kind }
  await tracing.span('run', facts, async () => await queues?.addRun(id, resources))
}
