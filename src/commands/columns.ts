/**
 * "columns list, add, drop, rename, type, pin, unpin, refuse": members that no release describes, and their columns. It speaks to
 * the database alone.
 */
import { hostname, userInfo } from 'node:os'
import { withStore, type Store } from '../assemble/store.ts'
import { catalog } from '../catalog/registry.ts'
import type { Kind, Resource } from '../catalog/resource.ts'
import { usage } from '../errors/commands.ts'
import { EXIT } from '../errors/sync-error.ts'
import { stderr, stdout } from '../screen/streams.ts'
import { readMemberList } from '../store/columns/member-list.ts'
import { openLeases } from '../store/fleet/leases.ts'
import { SQL_TYPE } from '../store/schema/columns.ts'
import { assertMigrated } from '../store/schema/migrate.ts'
import {
  addMember,
  dropMember,
  pinMember,
  refuseMember,
  renameMember,
  retypeMember,
  type Change,
} from '../sync/columns/change-columns.ts'
import { withLease } from '../sync/with-lease.ts'
import { columnLines, columnJson } from './output/columns-output.ts'
import { errorJson } from './output/format.ts'
import { chooseResources, readSettings } from './settings.ts'
import type { Call } from './verb.ts'

export async function run(call: Call): Promise<number> {
  const act = actionOf(call)
  const config = readSettings({ credentials: false })
  const perform = async (store: Store): Promise<number> => {
    await assertMigrated(store.sql)
    for (const one of await act(store)) {
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

/** Lines for a person, or objects. */
type Act = (store: Store) => Promise<readonly (string | object)[]>

/** Each action, and the word for what it takes behind the member. */
const TAKES: ReadonlyMap<string, string | undefined> = new Map([
  ['add', undefined],
  ['drop', undefined],
  ['rename', 'NAME'],
  ['type', 'TYPE'],
  ['pin', undefined],
  ['unpin', undefined],
  ['refuse', undefined],
])

/** @throws SyncError SYNC_USAGE before anything is opened. */
function actionOf({ args: [action, ...rest], options, signal }: Call): Act {
  const json = options['json'] === true
  checkOptions(action, options)
  if (action === 'list') {
    const chosen = rest.length === 0 ? undefined : chooseResources(catalog, rest).map(({ type }) => type)
    return async ({ sql }) => {
      const found = await readMemberList(sql, catalog, chosen)
      return json ? found.map(columnJson) : columnLines(found, catalog, stdout.columns())
    }
  }
  if (action === undefined || !TAKES.has(action)) {
    const others = `list, ${[...TAKES.keys()].join(', ')}`
    throw usage(`"columns" takes ${others}${action === undefined ? '' : `, not "${action}"`}.`)
  }
  const value = TAKES.get(action)
  if (rest.length !== (value === undefined ? 2 : 3)) {
    throw usage(`"columns ${action}" takes a resource and a member${value === undefined ? '' : ` and a ${value}`}.`)
  }
  const [named, member, given] = rest
  const [resource] = chooseResources(catalog, [named!])
  const change = changeOf(action, given, options)
  return async (store) => {
    const said = await decideOne(store, { resource: resource!, member: member!, change, signal, json })
    const [now] = (await readMemberList(store.sql, catalog, [resource!.type])).filter((one) => one.member === member)
    return json ? [now === undefined ? { resource: resource!.type, member } : columnJson(now)] : [said]
  }
}

function changeOf(action: string, given: string | undefined, options: Call['options']): Change {
  const { as: name, type } = options
  switch (action) {
    case 'add':
      return addMember({
        name: typeof name === 'string' ? name : undefined,
        kind: typeof type === 'string' ? kindOf(type) : undefined,
      })
    case 'drop':
      return dropMember
    case 'rename':
      return renameMember(given!)
    case 'type':
      return retypeMember(kindOf(given!))
    case 'refuse':
      return refuseMember
    default:
      return pinMember(action === 'pin')
  }
}

function checkOptions(action: string | undefined, options: Call['options']): void {
  for (const name of ['as', 'type']) {
    if (options[name] !== undefined && action !== 'add') throw usage(`--${name} is for "columns add".`)
  }
}

/** By the name in SQL or in the catalog. */
function kindOf(word: string): Kind {
  const kinds = Object.entries(SQL_TYPE) as [Kind, string][]
  const found = kinds.find(([kind, type]) => kind === word.toLowerCase() || type === word.toLowerCase())
  if (found === undefined) throw usage(`"${word}" is no type here: ${kinds.map(([, type]) => type).join(', ')}.`)
  return found[0]
}

interface Decided {
  readonly resource: Resource
  readonly member: string
  readonly change: Change
  readonly signal: AbortSignal
  readonly json: boolean
}

async function decideOne({ sql }: Store, { resource, member, change, signal, json }: Decided): Promise<string> {
  const by = `${userInfo().username} on ${hostname()}`
  const leases = await openLeases(sql, `${hostname()}, process ${process.pid}`)
  const onBusy = (message: string): void => void (json || stderr.say(message))
  try {
    return await withLease(
      leases,
      resource.type,
      signal,
      (held, lease) => change({ sql, lease, resource, by, signal: held, onBusy }, member),
      { patient: true, onWait: ({ message }) => onBusy(message) },
    )
  } finally {
    await leases.close()
  }
}
