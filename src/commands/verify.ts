/**
 * "verify": reads every record and compares it with its row, resource by resource; with --repair writes what differs; exits
 * with 2 when anything did.
 */
import { withStore } from '../assemble/store.ts'
import { withWorker, type Worker } from '../assemble/worker.ts'
import { catalog } from '../catalog/registry.ts'
import type { Resource } from '../catalog/resource.ts'
import { nothingPulled, verifyStopped } from '../errors/commands.ts'
import { endsTheRun, EXIT, hasCode, SyncError } from '../errors/sync-error.ts'
import { createLogger, noteRetries } from '../logger.ts'
import { onTerminal } from '../screen/streams.ts'
import { wasEverRead, wasEverServed } from '../store/progress/checkpoint.ts'
import { explainRefusal } from '../sync/list/explain-refusal.ts'
import { isBadRequest } from '../sync/list/list-request.ts'
import { verifyResource, type VerifyResult } from '../sync/verify/verify.ts'
import { withDbRetry } from '../sync/with-db-retry.ts'
import { withLease } from '../sync/with-lease.ts'
import { chooseVerifyScreen, type VerifyScreen } from './output/verify-output.ts'
import { chooseResources, readSettings } from './settings.ts'
import type { Call } from './verb.ts'

export async function run({ args, options, signal }: Call): Promise<number> {
  const config = readSettings({ credentials: true })
  const chosen = chooseResources(catalog, args.length > 0 ? args : config.resources)
  const terminal = onTerminal()
  const log = createLogger({ level: config.logLevel, terminal })
  const screen = chooseVerifyScreen({ json: options['json'] === true, terminal })
  const compare = async (worker: Worker): Promise<number> => {
    const types = chosen.map(({ type }) => type)
    if (!(await withDbRetry(() => wasEverRead(worker.sql, types), signal))) throw nothingPulled()
    const verified: VerifyResult[] = []
    // One after the other: the rate limit decides the speed, and the screen reads from top to bottom.
    for (const resource of chosen) {
      const found = await verifyOne(worker, resource, options['repair'] === true, screen, signal)
      if (found !== undefined) verified.push(found)
    }
    screen.finish(verified, chosen.length - verified.length)
    return verified.every(isEqual) && verified.length === chosen.length ? EXIT.ok : EXIT.notAllOk
  }
  const onFailure = (error: unknown): unknown => {
    const ended = hasCode(error, 'SYNC_STOPPED') ? verifyStopped() : error
    screen.abandon(ended)
    return ended
  }
  const opening = { signal, onRetry: noteRetries(log) }
  return await withStore(config, signal, (store) => withWorker(config, store, opening, compare), {
    moves: true,
    onFailure,
  })
}

const isEqual = ({ missing, extra, different, refused, doubt }: VerifyResult): boolean =>
  missing + extra + different + refused === 0 && doubt === null

/** @returns undefined when it could not be read, which the screen shows. */
async function verifyOne(
  worker: Worker,
  resource: Resource,
  repair: boolean,
  screen: VerifyScreen,
  signal: AbortSignal,
): Promise<VerifyResult | undefined> {
  const { type, table, confidence } = resource
  screen.begin(type)
  try {
    const found = await withLease(worker.leases, type, signal, async (held, lease) => {
      const onDifference = screen.difference.bind(screen, type)
      const onProgress = screen.progress.bind(screen, type)
      return await verifyResource(worker, { resource, lease, repair, signal: held, onDifference, onProgress })
    })
    screen.end(found)
    return found
  } catch (error) {
    const explained = await explainRefusal(worker, resource, error, signal)
    if (!(explained instanceof SyncError) || endsTheRun(explained)) throw explained
    const absent = confidence === 'low' && (hasCode(explained, 'SYNC_LIST_NOT_FOUND') || isBadRequest(explained))
    if (absent && !(await wasEverServed(worker.sql, type, table))) {
      screen.absent(type)
      return { resource: type, ...NOTHING }
    }
    screen.unread(type, explained)
    return undefined
  }
}

const NOTHING = { read: 0, missing: 0, extra: 0, different: 0, refused: 0, repaired: 0, edited: 0, doubt: null }
