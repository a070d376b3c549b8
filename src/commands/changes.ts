import { explainStore, openStore } from '../assemble.ts'
import { readConfig } from '../config.ts'
import { notMigrated, usage } from '../errors.ts'
import { catalog } from '../registry.ts'
import { discardChange, findChange, listChanges, resolveChange, retryChange } from '../store/changes.ts'
import type { Database } from '../store/database.ts'
import { isMigrated } from '../store/migrate.ts'
import { changeText, listText } from './change-words.ts'
import type { Call, Verb } from './verb.ts'
import { EXIT } from '../sync-error.ts'

export const changes: Verb = {
  name: 'changes',
  summary: 'show local edits that are not settled, and decide about those set aside',
  args: '<action> [id...]',
  options: [
    { flags: '--keep <side>', about: 'for resolve: local, or remote (what ScopeStack holds)' },
    { flags: '--all', about: 'for list: also those that are settled' },
    { flags: '--json', about: 'JSON on stdout, one object a line' },
  ],
  help: `Actions
  list             what waits, is being sent, or was set aside, with the reason
  show ID...       one change: its values, what ScopeStack said, what both sides held
  retry ID...      sends a parked change again as it is
  discard ID...    lets it go; the row shows what ScopeStack holds after the next pull
  resolve ID...    settles a conflict: --keep local sends it, --keep remote lets it go

A change is also retried by editing its row again. The same list, for SQL, is the view
scopestack.pending_changes.

Examples
  npm run -s sync -- changes list
  npm run -s sync -- changes show 12
  npm run -s sync -- changes resolve 12 --keep local`,

  async run(call) {
    const act = actionOf(call)
    const config = readConfig({ credentials: false })
    const store = await openStore(config, call.signal)
    try {
      if (!(await isMigrated(store.sql))) throw notMigrated()
      process.stdout.write(`${await act(store.sql)}\n`)
      return EXIT.ok
    } catch (error) {
      throw await explainStore(error, store)
    } finally {
      await store.close()
    }
  },
}

/** Past so many nobody reads on; --json gives all. */
const LISTED = 200

/** @throws SyncError SYNC_USAGE before anything is opened. */
function actionOf({ args: [action, ...rest], options }: Call): (sql: Database) => Promise<string> {
  const json = options['json'] === true
  if (action === 'list') {
    if (rest.length > 0) throw usage('"changes list" takes no id; "changes show" does.')
    return async (sql) => {
      const found = await listChanges(sql, { all: options['all'] === true, limit: json ? 1_000_000 : LISTED })
      return json ? found.map((one) => JSON.stringify(one)).join('\n') : listText(found, catalog)
    }
  }
  const ids = rest.map(idOf)
  if (ids.length === 0 && ['show', 'retry', 'discard', 'resolve'].includes(action ?? '')) {
    throw usage(`"changes ${action}" takes the id of a change; "changes list" shows them.`)
  }
  if (action === 'show') {
    return async (sql) => {
      const found = await Promise.all(ids.map((id) => findChange(sql, id)))
      return found.map((one) => (json ? JSON.stringify(one) : changeText(one, catalog))).join(json ? '\n' : '\n\n')
    }
  }
  if (action === 'retry') return each(ids, json, 'waits to be sent again', retryChange)
  if (action === 'discard') return each(ids, json, 'is discarded', (sql, id) => discardChange(sql, catalog, id))
  if (action === 'resolve') {
    const keep = options['keep']
    if (keep !== 'local' && keep !== 'remote') throw usage('"changes resolve" takes --keep local or --keep remote.')
    const done =
      keep === 'local' ? 'waits to be sent over what ScopeStack holds' : "is discarded: ScopeStack's value stays"
    return each(ids, json, done, (sql, id) => resolveChange(sql, catalog, id, keep))
  }
  throw usage(`"changes" takes list, show, retry, discard or resolve, not "${action ?? ''}".`)
}

const each =
  (ids: readonly number[], json: boolean, done: string, act: (sql: Database, id: number) => Promise<void>) =>
  async (sql: Database): Promise<string> => {
    const lines: string[] = []
    for (const id of ids) {
      await act(sql, id)
      lines.push(json ? JSON.stringify(await findChange(sql, id)) : `Change ${id} ${done}.`)
    }
    return lines.join('\n')
  }

function idOf(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw usage(`"${text}" is not the id of a change; "changes list" shows them.`)
  return Number(text)
}
