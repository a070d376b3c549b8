/** Where a path leads, known before the request is handled: faults, scripts and counters look at it too. */
import type { Model } from './model/model.ts'
import { lobNames, type Switches } from './switches.ts'

export interface Route {
  /** `related`: a relationship or an action behind the id */
  readonly kind: 'me' | 'list' | 'record' | 'related' | 'linkage' | 'token' | 'authorize' | 'file' | 'none'
  /** the name under which it is counted */
  readonly pattern: string
  readonly slug: string | null
  readonly model: Model | null
  readonly id: string | null
  /** the relationship or action behind the id */
  readonly name: string | null
  /** type of the records in a list, also a nested one */
  readonly listed: string | null
}

const nowhere: Route = { kind: 'none', pattern: '(none)', slug: null, model: null, id: null, name: null, listed: null }

const fixedRoutes: ReadonlyMap<string, Route> = new Map(
  (
    [
      ['/oauth/token', 'token'],
      ['/oauth/authorize', 'authorize'],
      ['/v1/me', 'me'],
    ] as const
  ).map(([path, kind]) => [path, { ...nowhere, kind, pattern: path }]),
)

interface Deps {
  readonly models: ReadonlyMap<string, Model>
  readonly switches: Pick<Switches, 'lobPath'>
}

export function findRoute({ models, switches }: Deps, path: string): Route {
  const fixed = fixedRoutes.get(path)
  if (fixed !== undefined) return fixed
  if (path.startsWith('/_files/')) return { ...nowhere, kind: 'file', pattern: '/_files/{name}' }
  const [empty, slug, version, list, ...rest] = path.split('/').map(decoded)
  if (empty !== '' || slug === undefined || version !== 'v1' || list === undefined || rest.length > 3) return nowhere
  const model = models.get(typeAt(list, switches))
  return model?.listed === true
    ? routeOf({ ...nowhere, slug, model, pattern: `/{account}/v1/${list}` }, model, rest)
    : nowhere
}

function routeOf(base: Route, model: Model, [id, name, last]: readonly string[]): Route {
  if (id === undefined) return { ...base, kind: 'list', listed: model.type }
  const record = { ...base, pattern: `${base.pattern}/{id}`, id }
  if (name === undefined) return { ...record, kind: 'record' }
  if (last === undefined) {
    const listed = model.toMany[name]?.type ?? null
    return { ...record, kind: 'related', pattern: `${record.pattern}/${name}`, name, listed }
  }
  if (name !== 'relationships') return nowhere
  return { ...record, kind: 'linkage', pattern: `${record.pattern}/relationships/${last}`, name: last }
}

function typeAt(list: string, { lobPath }: Deps['switches']): string {
  if (list === lobPath) return 'lines-of-business'
  return (lobNames as readonly string[]).includes(list) ? '' : list
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
