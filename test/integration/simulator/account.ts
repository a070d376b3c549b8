import { startSimulator, type Simulator, type SimulatorOptions } from '../../../src/simulator/server.ts'

export type Json = Record<string, unknown>
export interface Obj {
  id: string
  type: string
  attributes: Json
  relationships: Record<string, { links: Record<string, string>; data?: unknown }>
  links: Record<string, string>
  meta?: Json
}
export interface Doc {
  data: Obj[]
  included?: Obj[]
  meta: Record<string, number>
  links: Record<string, string>
}
export interface Problem {
  title: string
  detail?: string
  code?: string
  status: string
  source?: { pointer: string }
}

/** A started simulator and a client that is signed in to it. */
export interface Account {
  sim: Simulator
  token: string
  call(path: string, init?: RequestInit): Promise<Response>
  list(path: string): Promise<Doc>
  one(path: string): Promise<Obj>
  problem(path: string, init?: RequestInit): Promise<Problem & { http: number }>
  send(method: string, path: string, data: unknown): Promise<Response>
}

export const mediaType = 'application/vnd.api+json'

export function tokenRequest(url: string, form: Record<string, string>, init: RequestInit = {}): Promise<Response> {
  return fetch(`${url}/oauth/token`, { method: 'POST', body: new URLSearchParams(form), ...init })
}

export async function open(options: SimulatorOptions = {}): Promise<Account> {
  const sim = await startSimulator(options)
  const { clientId, clientSecret } = sim.credentials
  const issued = await tokenRequest(sim.url, {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
  })
  const { access_token: token } = (await issued.json()) as { access_token: string }
  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${sim.url}/demo/v1/${path}`, {
      ...init,
      headers: { Authorization: `Bearer ${token}`, Accept: mediaType, ...(init.headers as Record<string, string>) },
    })
  const body = async <T>(path: string): Promise<T> => {
    const response = await call(path)
    if (response.status !== 200)
      throw new Error(`${path} answered ${String(response.status)}: ${await response.text()}`)
    return (await response.json()) as T
  }
  return {
    sim,
    token,
    call,
    list: (path) => body<Doc>(path),
    one: async (path) => (await body<{ data: Obj }>(path)).data,
    async problem(path, init) {
      const response = await call(path, init)
      const { errors } = (await response.json()) as { errors: Problem[] }
      return { ...(errors[0] as Problem), http: response.status }
    },
    send: (method, path, data) =>
      call(path, {
        method,
        headers: { 'Content-Type': mediaType },
        body: typeof data === 'string' ? data : JSON.stringify({ data }),
      }),
  }
}
