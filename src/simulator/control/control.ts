/**
 * The control API, /_control/: faults, switches, records, tokens and statistics over HTTP, for tests whose simulator is another
 * process.
 */
import { httpResponse, jsonResponse, noBody, type HttpResponse, type HttpRequest } from '../exchange.ts'
import { setCurrencies } from '../generator/currencies.ts'
import type { Grant, Tokens } from '../oauth/tokens.ts'
import { idOf, type Linkage, type Records } from '../records/records.ts'
import type { Stats } from '../stats.ts'
import type { Switches } from '../switches.ts'
import type { World } from '../world.ts'
import type { RawRecords } from '../write/raw-records.ts'
import { ControlInputError, readFault, readJson, readScriptRule, readRecord } from './control-input.ts'
import type { Faults } from './faults.ts'
import type { Script } from './script.ts'
import { setSwitches } from './switch-checks.ts'

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
const noContent = httpResponse(204, null, noBody)

/** Needs no credentials: the handler lets loopback addresses through only. */
export function handleControl(deps: ControlDeps, request: HttpRequest): HttpResponse {
  try {
    const [area = '', ...rest] = request.path.slice('/_control/'.length).split('/').map(decodeURIComponent)
    const input = area === 'stats' ? {} : readJson(request.body)
    switch (area) {
      case 'stats':
        return stats(deps, request)
      case 'faults':
        return faults(deps, request, rest[0], input)
      case 'switches':
        return switches(deps, request, input)
      case 'tokens':
        return tokens(deps, rest[0], input)
      case 'records':
        return records(deps, request, rest, input)
      case 'account':
        return account(deps, request, input)
      case 'script':
        return script(deps, request, input)
      default:
        return jsonResponse(404, { error: paths })
    }
  } catch (error) {
    if (error instanceof ControlInputError || error instanceof RangeError || error instanceof URIError)
      return jsonResponse(400, { error: error.message })
    throw error
  }
}

const wrongMethod = (accepted: string): HttpResponse =>
  jsonResponse(405, { error: `this path takes ${accepted}` }, { Allow: accepted })

function stats(deps: ControlDeps, request: HttpRequest): HttpResponse {
  if (request.method === 'GET') return jsonResponse(200, deps.stats.snapshot())
  if (request.method !== 'DELETE') return wrongMethod('GET, DELETE')
  deps.stats.reset()
  return noContent
}

function faults(
  deps: ControlDeps,
  request: HttpRequest,
  id: string | undefined,
  input: Record<string, unknown>,
): HttpResponse {
  if (request.method === 'POST') return jsonResponse(201, deps.faults.add(readFault(input)))
  if (request.method === 'DELETE')
    return deps.faults.remove(id) ? noContent : jsonResponse(404, { error: `there is no fault ${id ?? ''}` })
  if (request.method !== 'GET') return wrongMethod('GET, POST, DELETE')
  const all = deps.faults.list()
  if (id === undefined) return jsonResponse(200, all)
  const found = all.find((fault) => fault.id === id)
  return found === undefined ? jsonResponse(404, { error: `there is no fault ${id}` }) : jsonResponse(200, found)
}

function switches(deps: ControlDeps, request: HttpRequest, input: Record<string, unknown>): HttpResponse {
  if (request.method === 'GET') return jsonResponse(200, deps.switches)
  if (request.method !== 'POST') return wrongMethod('GET, POST')
  applySwitches(deps, input)
  return jsonResponse(200, deps.switches)
}

/** These change no body. */
const BODILESS = new Set(['latency', 'etags', 'honest304', 'tokenLifetime'])

/** Switches change bodies, so the cached JSON goes, and with it every ETag. */
export function applySwitches(
  deps: Pick<ControlDeps, 'switches' | 'records'>,
  input: Readonly<Record<string, unknown>>,
): void {
  const problem = setSwitches(deps.switches, input)
  if (problem !== null) throw new ControlInputError(problem)
  if (input['currencies'] !== undefined) setCurrencies(deps.records, deps.switches.currencies)
  if (Object.keys(input).some((name) => !BODILESS.has(name))) deps.records.clearCachedJson()
}

const grants: readonly string[] = ['client_credentials', 'password', 'authorization_code', 'refresh_token']

function tokens(deps: ControlDeps, action: string | undefined, input: Record<string, unknown>): HttpResponse {
  if (action !== 'revoke') return jsonResponse(404, { error: paths })
  const { grant, token, refreshTokens } = input
  if (grant !== undefined && !grants.includes(String(grant)))
    throw new ControlInputError(`grant takes one of ${grants.join(', ')}`)
  const revoked = deps.tokens.revoke({
    ...(grant === undefined ? {} : { grant: String(grant) as Grant }),
    ...(typeof token === 'string' ? { token } : {}),
    refreshTokens: refreshTokens === true,
  })
  return jsonResponse(200, { revoked })
}

function records(
  deps: ControlDeps,
  request: HttpRequest,
  [type, id]: string[],
  input: Record<string, unknown>,
): HttpResponse {
  if (type === undefined || type === '') return jsonResponse(404, { error: paths })
  if (request.method === 'POST' && id === undefined) return jsonResponse(201, deps.raw.create(type, readRecord(input)))
  if (request.method === 'GET' && id === undefined) return jsonResponse(200, deps.raw.list(type))
  if (id === undefined) return wrongMethod('GET, POST')
  const record = deps.raw.read(type, id)
  if (record === null) return jsonResponse(404, { error: `${type} has no record ${id}` })
  if (request.method === 'GET') return jsonResponse(200, record)
  if (request.method === 'PATCH') return jsonResponse(200, deps.raw.update(type, id, readRecord(input)))
  if (request.method !== 'DELETE') return wrongMethod('GET, PATCH, DELETE')
  deps.raw.remove(type, id, {
    cascade: request.params.get('cascade') !== 'false',
    touch: request.params.get('touch') !== 'false',
  })
  return noContent
}

function account(deps: ControlDeps, request: HttpRequest, { slug }: Record<string, unknown>): HttpResponse {
  if (request.method !== 'POST') return wrongMethod('POST')
  if (typeof slug !== 'string' || slug === '') throw new ControlInputError('account takes {"slug": "another"}')
  renameAccount(deps, slug)
  return jsonResponse(200, { slug })
}

/** Gives the account another slug, as an administrator may: addresses and linkages that hold the slug change with it. */
export function renameAccount(deps: Pick<World, 'account' | 'records'>, slug: string): void {
  const before = deps.account.slug
  if (slug === before) return
  deps.account.slug = slug
  const own = deps.records.get('accounts', before)
  if (own !== undefined) {
    const { attributes, toOne } = own
    deps.records.remove(own)
    deps.records.add('accounts', slug, { attributes: { ...attributes, slug }, toOne })
  }
  for (const { model, ordered } of deps.records.tables()) {
    const names = Object.entries(model.toOne).flatMap(([name, { type }]) => (type === 'accounts' ? [name] : []))
    for (const rec of ordered) {
      const stored = names.filter((name) => idOf(rec.toOne[name]) === before)
      if (stored.length === 0) continue
      deps.records.update(rec, { toOne: Object.fromEntries(stored.map((name): [string, Linkage] => [name, slug])) })
    }
  }
  deps.records.clearCachedJson()
}

function script(deps: ControlDeps, request: HttpRequest, input: Record<string, unknown>): HttpResponse {
  if (request.method === 'GET') return jsonResponse(200, deps.script.list())
  if (request.method === 'POST') return jsonResponse(201, deps.script.add(readScriptRule(input)))
  if (request.method !== 'DELETE') return wrongMethod('GET, POST, DELETE')
  deps.script.clear()
  return noContent
}
