/**
 * "changes list, show, retry, discard, resolve": unsettled local edits. Every id is checked before the first is acted on, so
 * that a wrong one leaves nothing half done.
 */
import { withStore, type Store } from '../assemble/store.ts'
import { catalog } from '../catalog/registry.ts'
import { usage } from '../errors/commands.ts'
import { EXIT } from '../errors/sync-error.ts'
import { stdout } from '../screen/streams.ts'
import { OPEN } from '../store/changes/states.ts'
import type { Database } from '../store/connection/database.ts'
import { decideChanges, type ChangeDecision } from '../store/outbox/change-actions.ts'
import { findChange, listChanges, readSendBlockers, type ChangeDetails } from '../store/outbox/changes.ts'
import { databaseTime } from '../store/progress/watermark.ts'
import { assertMigrated } from '../store/schema/migrate.ts'
import { changeJson, changeText, listText } from './output/changes-output.ts'
import { errorJson } from './output/format.ts'
import { readSettings } from './settings.ts'
import type { Call } from './verb.ts'

export async function run(call: Call): Promise<number> {
  const act = actionOf(call)
  const config = readSettings({ credentials: false })
  const perform = async ({ sql }: Store): Promise<number> => {
    await assertMigrated(sql)
    for (const one of await act(sql)) {
      if (typeof one === 'string') stdout.say(one)
      else stdout.json(one)
    }
    return EXIT.ok
  }
  const onFailure = (error: unknown): unknown => {
    if (call.options['json'] === true) stdout.json(errorJson(error))
    return error
  }
  return await withStore(config, call.signal, perform, { onFailure })
}

/** A person does not read more; --json has all. */
const LISTED = 200

/** Lines for a person, or objects. */
type Answer = readonly (string | object)[]

/** @throws SyncError SYNC_USAGE before anything is opened. */
function actionOf({ args: [action, ...rest], options }: Call): (sql: Database) => Promise<Answer> {
  const json = options['json'] === true
  const wide = !stdout.terminal
  checkOptions(action, options)
  if (action === 'list') {
    if (rest.length > 0) throw usage('"changes list" takes no id; "changes show" does.')
    return async (sql) => {
      const limit = json ? 1_000_000 : LISTED
      const { changes: found, count } = await listChanges(sql, { all: options['all'] === true, limit })
      const waits = await waitsOf(sql, found)
      if (json) return found.map((one) => changeJson(one, waits.get(one.id)))
      const now = await databaseTime(sql)
      return listText({ changes: found, waits, more: count - found.length, now }, catalog, wide)
    }
  }
  const ids = [...new Set(rest.map(idOf))]
  if (ids.length === 0 && action !== undefined && TAKES.has(action)) {
    throw usage(`"changes ${action}" takes the id of a change; "changes list" shows them.`)
  }
  if (action === 'show') {
    return async (sql) => {
      const found = await Promise.all(ids.map((id) => findChange(sql, id)))
      const waits = await waitsOf(sql, found)
      return json
        ? found.map((one) => changeJson(one, waits.get(one.id)))
        : found.flatMap((one, index) => [...(index > 0 ? [''] : []), ...changeText(one, waits.get(one.id), catalog)])
    }
  }
  if (action === 'retry') return each(ids, json, 'waits to be sent again', 'retry')
  if (action === 'discard') return each(ids, json, 'is discarded', 'discard')
  if (action === 'resolve') {
    const keep = options['keep']
    if (keep !== 'local' && keep !== 'remote') throw usage('"changes resolve" takes --keep local or --keep remote.')
    const done =
      keep === 'local' ? 'waits to be sent over what ScopeStack holds' : "is discarded: ScopeStack's value stays"
    return each(ids, json, done, `keep ${keep}`)
  }
  throw usage(
    `"changes" takes list, show, retry, discard or resolve${action === undefined ? '' : `, not "${action}"`}.`,
  )
}

/** What each action takes beside --json. */
const TAKES: ReadonlyMap<string, string | undefined> = new Map([
  ['list', 'all'],
  ['show', undefined],
  ['retry', undefined],
  ['discard', undefined],
  ['resolve', 'keep'],
])

function checkOptions(action: string | undefined, options: Call['options']): void {
  if (action === undefined || !TAKES.has(action)) return
  for (const [name, owner] of [
    ['keep', 'resolve'],
    ['all', 'list'],
  ] as const) {
    if (options[name] !== undefined && TAKES.get(action) !== name) {
      throw usage(`--${name} is for "changes ${owner}"; "changes ${action}" does not take it.`)
    }
  }
}

const waitsOf = (sql: Database, found: readonly ChangeDetails[]) =>
  readSendBlockers(
    sql,
    found.filter(({ state }) => OPEN.includes(state)).map(({ id }) => id),
  )

const each =
  (ids: readonly number[], json: boolean, done: string, decision: ChangeDecision) =>
  async (sql: Database): Promise<Answer> => {
    const lines: (string | object)[] = []
    for await (const id of decideChanges(sql, catalog, decision, ids))
      lines.push(json ? changeJson(await findChange(sql, id), undefined) : `Change ${id} ${done}.`)
    return lines
  }

function idOf(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw usage(`"${text}" is not the id of a change; "changes list" shows them.`)
  return Number(text)
}
