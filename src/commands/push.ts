/**
 * "push": sends the waiting local edits once, with --plan shows what would be sent; exits with 2 while any waits or is
 * parked.
 */
import { withStore } from '../assemble/store.ts'
import { openPusher, withWorker, type Worker } from '../assemble/worker.ts'
import { EXIT, hasCode, type SyncError } from '../errors/sync-error.ts'
import { createLogger, noteRetries, type Logger } from '../logger.ts'
import { waitsBecause, withId } from '../report/change-reasons.ts'
import { thousands } from '../report/words.ts'
import { onTerminal, stderr, stdout } from '../screen/streams.ts'
import { endPauses } from '../store/changes/writes.ts'
import type { Database } from '../store/connection/database.ts'
import { countBehindParked, countChanges, readPendingChanges, readSendBlockers } from '../store/outbox/changes.ts'
import type { ChangeResult, PushDeps } from '../sync/push/attempt.ts'
import { plan } from '../sync/push/plan.ts'
import { push as runPush } from '../sync/push/push.ts'
import { waitsJson } from './output/changes-output.ts'
import { errorJson, wrapped } from './output/format.ts'
import { planJson, planText } from './output/plan-output.ts'
import { pushProgress, type PushProgress } from './output/push-progress.ts'
import { readSettings } from './settings.ts'
import type { Call } from './verb.ts'

export async function run({ options, signal }: Call): Promise<number> {
  const config = readSettings({ credentials: true })
  const json = options['json'] === true
  const log = createLogger({ level: config.logLevel, terminal: onTerminal() })
  let progress: PushProgress | undefined
  const note = (line: string): void => void (json || (progress === undefined ? stderr.say(line) : progress.note(line)))
  const onRetry = reportRetries(log, note)
  const onFailure = (error: unknown): unknown => {
    if (json) stdout.json(errorJson(error))
    return error
  }
  const send = async (worker: Worker): Promise<number> => {
    const { sql } = worker
    const pusher = openPusher(worker, config)
    if (worker.lostEdits !== null) stderr.say(worker.lostEdits)
    if (options['plan'] === true) return await showPlan(pusher, json, signal)
    await endPauses(sql)
    const tally = { sent: 0, superseded: 0, parked: 0, postponed: 0 }
    if (!json) progress = pushProgress(inAll(await countChanges(sql)))
    const onResult = (settled: ChangeResult): void => {
      tally[settled.outcome]++
      if (json) stdout.json(settledJson(settled))
      else progress?.settled(settledLines(settled))
    }
    const onWait = ({ message }: SyncError): void => note(`Another process pushes; this one waits for it. ${message}`)
    await runPush(pusher, { signal, onResult, patient: true, onWait }).finally(() => progress?.end())
    const left = await countChanges(sql)
    await listWaiting(sql, left, json)
    if (json) stdout.json({ type: 'push', ...tally, left })
    else stdout.say(await summary(sql, tally, left))
    return (left['parked'] ?? 0) + (left['waiting'] ?? 0) + (left['sending'] ?? 0) === 0 ? EXIT.ok : EXIT.notAllOk
  }
  return await withStore(config, signal, (store) => withWorker(config, store, { signal, onRetry }, send), {
    moves: true,
    onFailure,
  })
}

async function showPlan(pusher: PushDeps, json: boolean, signal: AbortSignal): Promise<number> {
  const { planned, behind } = await plan(pusher, signal)
  if (json) {
    for (const one of planned) stdout.json(planJson(one))
    stdout.json({ type: 'plan', records: planned.length, behind })
  } else stdout.say(planText(planned, { catalog: pusher.catalog, behind, wide: !stdout.terminal }))
  return EXIT.ok
}

/** Shows retries, during which nothing else moves on the screen. A sentence is shown once for all requests with one failure. */
function reportRetries(log: Logger, say: (line: string) => void): (error: SyncError) => void {
  const note = noteRetries(log)
  let last = ''
  return (error) => {
    note(error)
    const line = retryLine(error)
    // Logged as a notice already.
    if (hasCode(error, 'SYNC_PACE_ALONE') || line === last) return
    last = line
    say(line)
  }
}

function retryLine(error: SyncError): string {
  if (hasCode(error, 'SYNC_PACE_WAITS')) return error.message
  if (!hasCode(error, 'SYNC_RATE_LIMITED')) return `Trying again. ${error.message}`
  const { seconds, status = 429 } = error.facts
  return `ScopeStack asks to wait ${seconds > 0 ? `${seconds} s ` : ''}before the next request (${status}).`
}

/** A success has no line: there may be thousands. Waiting changes are listed at the end. */
const settledLines = ({ change, outcome, error }: ChangeResult): string[] =>
  error === null || outcome === 'postponed'
    ? []
    : wrapped(`Change ${change.id}: ${withId(error.message, change.id)}`, '')

const settledJson = ({ change, outcome, error }: ChangeResult) => ({
  type: 'change',
  id: change.id,
  resource: change.resource,
  record: change.recordId,
  op: change.op,
  outcome,
  code: error?.code ?? null,
  message: error === null ? null : withId(error.message, change.id),
})

/** Waiting changes listed on a screen, and for machines. */
const LISTED = 5
const LISTED_JSON = 1000

async function listWaiting(sql: Database, left: Record<string, number>, json: boolean): Promise<void> {
  const count = inAll(left)
  if (count === 0) return
  const some = await readPendingChanges(sql, json ? LISTED_JSON : LISTED)
  const waits = await readSendBlockers(
    sql,
    some.map(({ id }) => id),
  )
  for (const one of some) {
    const { id, resource, recordId: record, code } = one
    const found = waits.get(id)
    const why = waitsBecause(one, found)
    const because = why ?? (found?.held === true ? 'Another process is sending it.' : 'Waits to be sent.')
    if (json) stdout.json({ type: 'waiting', id, resource, record, code, message: why, ...waitsJson(found) })
    else stdout.say(wrapped(`Change ${id}: ${because}`, ''))
  }
  const more = count - some.length
  if (!json && more > 0) stdout.say(`… and ${thousands(more)} more wait: see "changes list".`)
}

const inAll = ({ waiting = 0, sending = 0 }: Record<string, number>): number => waiting + sending

async function summary(
  sql: Database,
  { sent, superseded, parked }: Record<string, number>,
  left: Record<string, number>,
): Promise<string> {
  const behind = (left['parked'] ?? 0) > 0 ? await countBehindParked(sql) : 0
  const none = [sent, superseded, parked].every((count) => (count ?? 0) === 0) && inAll(left) === 0
  const parts = [none ? 'Nothing waits to be sent' : `${thousands(sent ?? 0)} sent`]
  if ((superseded ?? 0) > 0) parts.push(`${thousands(superseded!)} with nothing left to send`)
  if (inAll(left) > behind) parts.push(`${thousands(inAll(left) - behind)} tried again later`)
  if (behind > 0) parts.push(`${thousands(behind)} ${behind === 1 ? 'waits' : 'wait'} for a parked one`)
  if ((left['parked'] ?? 0) > 0) parts.push(`${thousands(left['parked']!)} parked: see "changes list"`)
  return `${parts.join(' · ')}.`
}
