import { answer, json, nothing, type Answer, type Call } from '../exchange.ts'
import type { Grant, Tokens } from '../oauth/tokens.ts'
import type { Records } from '../records/records.ts'
import type { Stats } from '../stats.ts'
import { setSwitches, type Switches } from '../switches.ts'
import type { World } from '../world.ts'
import type { RawRecords } from '../write/raw-records.ts'
import { ControlMistake, readFault, readJson, readLine, readRecord } from './control-input.ts'
import type { Faults } from './faults.ts'
import { renameAccount } from './rename-account.ts'
import type { Script } from './script.ts'

export interface ControlDeps {
  readonly account: World['account']
  readonly faults: Faults
  readonly raw: RawRecords
  readonly records: Records
  readonly script: Script
  readonly stats: Stats
  readonly switches: Switches
  readonly tokens: Tokens
}

const paths = '/_control/ has stats, faults[/{id}], switches, tokens/revoke, records/{type}[/{id}], account and script'
const gone = answer(204, null, nothing)

/** No credentials: it listens to loopback only, which the server checks. */
export function answerControl(deps: ControlDeps, call: Call): Answer {
  try {
    const [area = '', ...rest] = call.path.slice('/_control/'.length).split('/').map(decodeURIComponent)
    const given = area === 'stats' ? {} : readJson(call.body)
    switch (area) {
      case 'stats':
        return stats(deps, call)
      case 'faults':
        return faults(deps, call, rest[0], given)
      case 'switches':
        return switches(deps, call, given)
      case 'tokens':
        return tokens(deps, rest[0], given)
      case 'records':
        return records(deps, call, rest, given)
      case 'account':
        return account(deps, call, given)
      case 'script':
        return script(deps, call, given)
      default:
        return json(404, { error: paths })
    }
  } catch (error) {
    if (error instanceof ControlMistake || error instanceof RangeError || error instanceof URIError)
      return json(400, { error: error.message })
    throw error
  }
}

const wrongMethod = (accepted: string): Answer =>
  json(405, { error: `this path takes ${accepted}` }, { Allow: accepted })

function stats(deps: ControlDeps, call: Call): Answer {
  if (call.method === 'GET') return json(200, deps.stats.snapshot())
  if (call.method !== 'DELETE') return wrongMethod('GET, DELETE')
  deps.stats.reset()
  return gone
}

function faults(deps: ControlDeps, call: Call, id: string | undefined, given: Record<string, unknown>): Answer {
  if (call.method === 'POST') return json(201, deps.faults.add(readFault(given)))
  if (call.method === 'DELETE')
    return deps.faults.remove(id) ? gone : json(404, { error: `there is no fault ${id ?? ''}` })
  if (call.method !== 'GET') return wrongMethod('GET, POST, DELETE')
  const all = deps.faults.list()
  if (id === undefined) return json(200, all)
  const found = all.find((fault) => fault.id === id)
  return found === undefined ? json(404, { error: `there is no fault ${id}` }) : json(200, found)
}

function switches(deps: ControlDeps, call: Call, given: Record<string, unknown>): Answer {
  if (call.method === 'GET') return json(200, deps.switches)
  if (call.method !== 'POST') return wrongMethod('GET, POST')
  applySwitches(deps, given)
  return json(200, deps.switches)
}

/** Switches change what bodies say, so everything remembered goes, and with it every ETag. */
export function applySwitches(
  deps: Pick<ControlDeps, 'switches' | 'records'>,
  given: Readonly<Record<string, unknown>>,
): void {
  const refused = setSwitches(deps.switches, given)
  if (refused !== null) throw new ControlMistake(refused)
  deps.records.forgetMemos()
}

const grants: readonly string[] = ['client_credentials', 'password', 'authorization_code', 'refresh_token']

function tokens(deps: ControlDeps, action: string | undefined, given: Record<string, unknown>): Answer {
  if (action !== 'revoke') return json(404, { error: paths })
  const { grant, token, refreshTokens } = given
  if (grant !== undefined && !grants.includes(String(grant)))
    throw new ControlMistake(`grant takes one of ${grants.join(', ')}`)
  const revoked = deps.tokens.revoke({
    ...(grant === undefined ? {} : { grant: String(grant) as Grant }),
    ...(typeof token === 'string' ? { token } : {}),
    refreshTokens: refreshTokens === true,
  })
  return json(200, { revoked })
}

function records(deps: ControlDeps, call: Call, [type, id]: string[], given: Record<string, unknown>): Answer {
  if (type === undefined || type === '') return json(404, { error: paths })
  if (call.method === 'POST' && id === undefined) return json(201, deps.raw.create(type, readRecord(given)))
  if (call.method === 'GET' && id === undefined) return json(200, deps.raw.list(type))
  if (id === undefined) return wrongMethod('GET, POST')
  const held = deps.raw.read(type, id)
  if (held === null) return json(404, { error: `${type} has no record ${id}` })
  if (call.method === 'GET') return json(200, held)
  if (call.method === 'PATCH') return json(200, deps.raw.update(type, id, readRecord(given)))
  if (call.method !== 'DELETE') return wrongMethod('GET, PATCH, DELETE')
  deps.raw.remove(type, id, {
    cascade: call.params.get('cascade') !== 'false',
    touch: call.params.get('touch') !== 'false',
  })
  return gone
}

function account(deps: ControlDeps, call: Call, { slug }: Record<string, unknown>): Answer {
  if (call.method !== 'POST') return wrongMethod('POST')
  if (typeof slug !== 'string' || slug === '') throw new ControlMistake('account takes {"slug": "another"}')
  renameAccount(deps, slug)
  return json(200, { slug })
}

function script(deps: ControlDeps, call: Call, given: Record<string, unknown>): Answer {
  if (call.method === 'GET') return json(200, deps.script.list())
  if (call.method === 'POST') return json(201, deps.script.add(readLine(given)))
  if (call.method !== 'DELETE') return wrongMethod('GET, POST, DELETE')
  deps.script.clear()
  return gone
}
