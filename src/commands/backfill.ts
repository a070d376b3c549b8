/** "backfill": reads everything again on request, with an estimate first; a later call goes on where a stopped one was. */
import { withStore, type Store } from '../assemble/store.ts'
import { withWorker, type Worker } from '../assemble/worker.ts'
import { catalog } from '../catalog/registry.ts'
import type { Resource } from '../catalog/resource.ts'
import { backfillStopped, usage } from '../errors/commands.ts'
import { EXIT, hasCode } from '../errors/sync-error.ts'
import { createLogger, noteRetries } from '../logger.ts'
import { duration, thousands } from '../report/words.ts'
import { onTerminal } from '../screen/streams.ts'
import { databaseTime } from '../store/progress/watermark.ts'
import { isSuccess } from '../store/runs/runs.ts'
import { canReadIncrementally, supportsIncremental } from '../sync/incremental/can-read.ts'
import { backfill as runBackfill, type BackfillStart } from '../sync/run/backfill.ts'
import { countRecords } from '../sync/run/count-records.ts'
import { createOverall, type Overall } from './output/backfill-output.ts'
import { wrapped } from './output/format.ts'
import { chooseProgress } from './output/progress.ts'
import { chooseResources, readSettings } from './settings.ts'
import type { Call } from './verb.ts'

export async function run({ args, options, signal }: Call): Promise<number> {
  const config = readSettings({ credentials: true })
  const named = args.length > 0
  const chosen = chooseResources(catalog, named ? args : config.resources)
  const since = sinceOf(options['since'])
  if (since !== null) refuseUndated(chosen, named)
  const json = options['json'] === true
  const terminal = onTerminal()
  const log = createLogger({ level: config.logLevel, terminal })
  const overall = createOverall()
  const progress = chooseProgress({ json, terminal, footer: () => overall.line(Date.now()) })
  const onFailure = (error: unknown): unknown => {
    const ended = hasCode(error, 'SYNC_STOPPED') ? backfillStopped() : error
    progress.abandon(ended)
    return ended
  }
  const readAll = async (worker: Worker): Promise<number> => {
    const onBegin = async (begun: BackfillStart): Promise<void> => {
      progress.note(begunLine(begun))
      if (begun.since === null) progress.note(await measure(worker, begun.left, config, overall, signal))
      overall.begin(begun)
    }
    const report = await runBackfill(worker, {
      resources: chosen,
      named,
      since,
      restart: options['restart'] === true,
      allowMassDelete: options['allowMassDelete'] === true,
      signal,
      onBegin,
      onEvent(event) {
        overall.event(event)
        progress.event(event)
      },
    })
    progress.finish(report)
    if (report.failed.length > 0) progress.note(failedLines(report.failed))
    return isSuccess(report.outcome) ? EXIT.ok : EXIT.notAllOk
  }
  const perform = async (store: Store): Promise<number> => {
    if (since !== null) sinceOf(since, await databaseTime(store.sql))
    return await withWorker(config, store, { signal, onRetry: noteRetries(log) }, readAll)
  }
  return await withStore(config, signal, perform, { moves: true, onFailure })
}

/**
 * @param now by the database's clock; left out before it can be asked.
 * @throws SyncError SYNC_USAGE when it is no day, or one that has not come.
 */
export function sinceOf(given: string | boolean | undefined, now?: Date): string | null {
  if (given === undefined) return null
  const day =
    typeof given === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(given) ? new Date(`${given}T00:00:00Z`) : undefined
  if (day === undefined || Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== given) {
    throw usage(`--since takes a day as YYYY-MM-DD, not "${String(given)}".`)
  }
  if (now !== undefined && day > now) throw usage(`--since ${given} has not come yet. Give a day of the past.`)
  return given
}

/** Resources that were not named are left out silently, as long as any is left. */
function refuseUndated(chosen: readonly Resource[], named: boolean): void {
  const types = new Set(chosen.map(({ type }) => type))
  if (!named && chosen.some((resource) => canReadIncrementally(resource, types))) return
  const undated = chosen.filter((resource) => !supportsIncremental(resource)).map(({ type }) => type)
  if (undated.length > 0) {
    throw usage(`ScopeStack does not tell when ${undated.join(', ')} changed. Leave --since out to read all of it.`)
  }
  const parts = chosen.filter((resource) => !canReadIncrementally(resource, types)).map(({ type }) => type)
  if (parts.length === 0) return
  throw usage(
    `With --since, ${parts.join(', ')} can only be read together with the projects that changed. Name projects too.`,
  )
}

const many = (count: number): string => `${thousands(count)} resource${count === 1 ? '' : 's'}`

function begunLine({ startedAt, since, resumed, left, done }: BackfillStart): string {
  const changed = since === null ? '' : `, what changed since ${since}`
  if (!resumed) return `Backfill of ${many(left.length)}${changed}.`
  return `Goes on with the backfill begun ${startedAt.toISOString()}${changed}: ${many(done)} done, ${thousands(left.length)} left.`
}

const failedLines = (failed: readonly string[]): string[] =>
  wrapped(
    `Failed: ${failed.length <= 5 ? failed.join(', ') : many(failed.length)}. Run "backfill" to try ${failed.length === 1 ? 'it' : 'them'} again, or "backfill --restart" to read everything once more.`,
    '',
  )

/** `11,318 records in 64 lists: about 130 requests.`, and how long these take at the least. */
async function measure(
  worker: Worker,
  left: readonly Resource[],
  { rate, pageSize }: { rate: number; pageSize: number },
  overall: Overall,
  signal: AbortSignal,
): Promise<string[]> {
  const counts = await Promise.all(
    left.map(async (resource) => {
      const count = await countRecords(worker, resource, signal)
      overall.expect(resource.type, count)
      return count
    }),
  )
  const known = counts.filter((count) => count !== null)
  const records = known.reduce((sum, count) => sum + count, 0)
  const requests = known.reduce((sum, count) => sum + Math.max(1, Math.ceil(count / pageSize)), 0)
  const least =
    rate > 0 ? [`At ${rate} requests a second that takes at least ${duration((requests / rate) * 1000)}.`, ''] : ['']
  const lists = `${known.length} list${known.length === 1 ? '' : 's'}`
  return [`${thousands(records)} records in ${lists}: about ${thousands(requests)} requests.`, ...least]
}
