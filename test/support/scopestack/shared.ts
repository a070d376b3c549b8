/** Workers of one test that read a list together: what the queue does between processes is done here by a call. */
import type { Leases } from '../../../src/store/fleet/leases.ts'
import { helpRead } from '../../../src/sync/snapshot/help-read.ts'
import type { Sharing } from '../../../src/sync/snapshot/snapshot-options.ts'
import type { TestWorker } from './worker.ts'

export interface Crew {
  /** For the run of this one: the others help it. */
  readonly coordinator: Sharing
  /** Resolves when no one helps any more, with the failures of those who did. */
  ended(): Promise<readonly unknown[]>
  /** Readers that have helped, counted each time. */
  helped: number
}

interface How {
  /** Pages. */
  readonly fromPages?: number
  readonly version?: string
  /** Of each that is called, in turn. */
  readonly signal?: (nth: number) => AbortSignal
  /** As if the response to each COMMIT of a helper were lost: its transaction runs again. */
  readonly commitsTwice?: boolean
}

const twice = (leases: Leases): Leases => ({
  ...leases,
  under(held) {
    const lease = leases.under(held)
    return {
      ...lease,
      async transaction(act) {
        await lease.transaction(act)
        return await lease.transaction(act)
      },
    }
  },
})

export function crewOf([first, ...others]: readonly TestWorker[], how: How = {}): Crew {
  const { fromPages = 1, version = first!.version, signal = () => new AbortController().signal, commitsTwice } = how
  const idle = new Set(others)
  const failures: unknown[] = []
  const helping = new Set<Promise<void>>()
  let called = 0
  const sharingOf = (worker: TestWorker, nth: number, release: string): Sharing => ({
    leases: commitsTwice === true ? twice(worker.leases) : worker.leases,
    holder: `worker ${nth}`,
    version: release,
    fromPages,
    others: () => Promise.resolve(others.length),
    call(runId, resource, count) {
      for (const helper of [...idle].slice(0, count)) {
        idle.delete(helper)
        const sharing = sharingOf(helper, others.indexOf(helper) + 1, version)
        const help = { runId, type: resource, signal: signal(called++) }
        const one = helpRead({ ...helper, sharing }, help)
          .then((found) => void (crew.helped += found === undefined ? 0 : 1))
          .catch((error: unknown) => void failures.push(error))
          .finally(() => {
            helping.delete(one)
            idle.add(helper)
          })
        helping.add(one)
      }
      return Promise.resolve()
    },
  })
  const crew: Crew = {
    coordinator: sharingOf(first!, 0, first!.version),
    helped: 0,
    async ended() {
      while (helping.size > 0) await Promise.all(helping)
      return failures
    },
  }
  return crew
}
