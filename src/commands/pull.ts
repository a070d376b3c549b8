/**
 * "pull": one run over the chosen resources, incremental or with --full complete. It exits with 2 when a resource did not end
 * well: the others are up to date nevertheless.
 */
import { withStore, type Store } from '../assemble/store.ts'
import { withWorker, type Worker } from '../assemble/worker.ts'
import { catalog } from '../catalog/registry.ts'
import { usage } from '../errors/commands.ts'
import { EXIT, hasCode, type SyncError } from '../errors/sync-error.ts'
import { createLogger, noteRetries } from '../logger.ts'
import { onTerminal } from '../screen/streams.ts'
import { isSuccess } from '../store/runs/runs.ts'
import { pull as runPull } from '../sync/run/run.ts'
import { embeddedNote } from './output/format.ts'
import { chooseProgress } from './output/progress.ts'
import { chooseResources, readSettings } from './settings.ts'
import type { Call } from './verb.ts'

export async function run({ args, options, signal }: Call): Promise<number> {
  const config = readSettings({ credentials: true })
  const chosen = chooseResources(catalog, args.length > 0 ? args : config.resources)
  const allowMassDelete = options['allowMassDelete'] === true
  if (allowMassDelete && options['full'] !== true) {
    throw usage('--allow-mass-delete needs --full: only a list that is read whole shows what is gone.')
  }
  const acceptWithheld = options['acceptWithheld'] === true
  if (acceptWithheld && options['full'] !== true) {
    throw usage('--accept-withheld needs --full: only reading everything shows what every record carries.')
  }
  const json = options['json'] === true
  const terminal = onTerminal()
  const log = createLogger({ level: config.logLevel, terminal })
  const progress = chooseProgress({ json, terminal })
  const onRetry = (error: SyncError): void => {
    noteRetries(log)(error)
    // Nothing else moves on the screen meanwhile.
    if (hasCode(error, 'SYNC_PACE_WAITS')) progress.note(error.message)
    if (hasCode(error, 'SYNC_RATE_LIMITED') && error.facts.seconds > 0) {
      const { seconds, status = 429 } = error.facts
      progress.note(`ScopeStack asks to wait ${seconds} s before the next request (${status}).`)
    }
  }
  const onFailure = (error: unknown): unknown => {
    progress.abandon(error)
    return error
  }
  const pullAll = async (worker: Worker): Promise<number> => {
    if (worker.lostEdits !== null) progress.note(worker.lostEdits)
    const report = await runPull(worker, {
      resources: chosen,
      changesOnly: options['full'] !== true,
      restart: options['full'] === true,
      allowMassDelete,
      retryAbsent: args.length > 0,
      acceptWithheld,
      signal,
      onEvent: (event) => progress.event(event),
    })
    progress.finish(report)
    return report.outcomes.every(({ outcome }) => isSuccess(outcome)) ? EXIT.ok : EXIT.notAllOk
  }
  const perform = async (store: Store): Promise<number> => {
    if (store.embedded !== undefined) progress.note([...embeddedNote(store, 'this command does'), ''])
    return await withWorker(config, store, { signal, onRetry }, pullAll)
  }
  return await withStore(config, signal, perform, { moves: true, onFailure })
}
