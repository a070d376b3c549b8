import type { Model } from './model/model.ts'
import { lobNames, type Switches } from './switches.ts'

/** Where a path leads, known before anything is answered: faults, scripts and counters look at it too. */
export interface Route {
  readonly kind: 'me' | 'list' | 'record' | 'under' | 'linkage' | 'token' | 'authorize' | 'file' | 'none'
  /** what the counters call it */
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

interface Deps {
  readonly models: ReadonlyMap<string, Model>
  readonly switches: Pick<Switches, 'lobPath'>
}

export function findRoute({ models, switches }: Deps, path: string): Route {
  if (path === '/oauth/token') return { ...nowhere, kind: 'token', pattern: path }
  if (path === '/oauth/authorize') return { ...nowhere, kind: 'authorize', pattern: path }
  if (path === '/v1/me') return { ...nowhere, kind: 'me', pattern: path }
  if (path.startsWith('/_files/')) return { ...nowhere, kind: 'file', pattern: '/_files/{name}' }
  const parts = path.split('/').map(decoded)
  const [empty, slug, version, called, id, name, last] = parts
  if (empty !== '' || slug === undefined || version !== 'v1' || called === undefined) return nowhere
  const type = typeAt(called, switches)
  const model = models.get(type)
  if (model === undefined || !model.listed || parts.length > 7) return nowhere
  const pattern = `/{account}/v1/${called}`
  const found = { ...nowhere, slug, model }
  if (id === undefined) return { ...found, kind: 'list', pattern, listed: type }
  if (name === undefined) return { ...found, kind: 'record', pattern: `${pattern}/{id}`, id }
  if (last === undefined) {
    const known = model.toMany[name]
    return { ...found, kind: 'under', pattern: `${pattern}/{id}/${name}`, id, name, listed: known?.type ?? null }
  }
  return name === 'relationships'
    ? { ...found, kind: 'linkage', pattern: `${pattern}/{id}/relationships/${last}`, id, name: last }
    : nowhere
}

function typeAt(called: string, { lobPath }: Deps['switches']): string {
  if (called === lobPath) return 'lines-of-business'
  return (lobNames as readonly string[]).includes(called) ? '' : called
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
