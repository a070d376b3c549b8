/** The proxy of the environment: which requests go through it, its connections, and its errors. */
import type { Agent, Dispatcher, ProxyAgent } from 'undici'
import { proxyRefused, proxyUnreachable } from '../../errors/requests.ts'
import type { SyncError } from '../../errors/sync-error.ts'
import { loadProxyAgent } from './undici.ts'

export interface ProxySettings {
  /** With user and password, where it needs them. */
  readonly url: string
  /** Hosts that are connected to directly. */
  readonly except: readonly string[]
}

/** This machine is never reached through a proxy. */
const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/

/** As curl reads NO_PROXY: a name is for itself and all below it, a port for that port only, `*` for everything. */
export function leavesByProxy({ protocol, hostname, port }: URL, except: readonly string[]): boolean {
  if (LOOPBACK.test(hostname)) return false
  const actual = port === '' ? (protocol === 'https:' ? '443' : '80') : port
  return !except.some((entry) => {
    const [, name = '', wanted] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase().replace(/^\*?\./, '')) ?? []
    if (wanted !== undefined && wanted !== actual) return false
    return name === '*' || hostname === name || hostname.endsWith(`.${name}`)
  })
}

type Options = ConstructorParameters<typeof Agent>[0]

interface Tunneling {
  readonly connect: (asked: Dispatcher.ConnectOptions) => Promise<Dispatcher.ConnectData>
}

export function createProxyAgent({ url }: ProxySettings, connectMs: number, options: Options): ProxyAgent {
  const { Pool, ProxyAgent } = loadProxyAgent()
  return new ProxyAgent({
    ...options,
    uri: url,
    connectTimeout: connectMs,
    clientFactory(origin, given) {
      // Its own limit for a proxy that accepts the connection and stays silent is five minutes.
      const pool = new Pool(origin, { ...given, headersTimeout: connectMs })
      const usual: Tunneling = Pool.prototype
      return Object.assign(pool, {
        connect: async (asked: Dispatcher.ConnectOptions) =>
          await usual.connect.call(pool, asked).catch((error: unknown) => {
            throw codeIn(error) === 'UND_ERR_HEADERS_TIMEOUT' ? new SilentProxy(connectMs, error) : error
          }),
      })
    },
  })
}

/** ScopeStack was not asked yet, so it is not what is slow, and the request has not left. */
class SilentProxy extends Error {
  constructor(ms: number, cause: unknown) {
    super(`it did not respond to CONNECT within ${ms / 1000} s`, { cause })
  }
}

const codeIn = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '')

/** The proxy's part in a failure; undefined where it had none. */
export function explainProxy(error: unknown, { url }: ProxySettings, target: string): SyncError | undefined {
  const proxy = new URL(url).host
  const { host } = new URL(target)
  if (!(error instanceof Error)) return undefined
  const status = /^Proxy response \((\d+)\)/.exec(error.message)?.[1]
  if (status !== undefined) return proxyRefused({ proxy, host, status: Number(status) }, error)
  // The only connection that is made by name is the one to the proxy.
  return error instanceof SilentProxy || NOT_REACHED.test(codeIn(error))
    ? proxyUnreachable({ proxy, host }, error)
    : undefined
}

const NOT_REACHED = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_PRX_TLS|UND_ERR_PRX_CONN)$/
