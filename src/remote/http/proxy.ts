/** Whether a request leaves by the proxy of the environment, and by which connections. */
import { Pool, ProxyAgent, type Agent } from 'undici'
import { proxyRefused, proxyUnreachable } from '../../errors/requests.ts'
import type { SyncError } from '../../errors/sync-error.ts'

export interface ProxySettings {
  /** With user and password, where it wants them. */
  readonly url: string
  /** Hosts that are asked directly. */
  readonly except: readonly string[]
}

/** Never for this machine: no proxy reaches it. */
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

export function createProxyAgent({ url }: ProxySettings, connectMs: number, options: Options): ProxyAgent {
  return new ProxyAgent({
    ...options,
    uri: url,
    connectTimeout: connectMs,
    // Its own waits five minutes for a proxy that takes the connection and says nothing.
    clientFactory: (origin, given) => new Pool(origin, { ...given, headersTimeout: connectMs }),
  })
}

/** Of a failure on the way to a host that is asked by the proxy: what the proxy has to do with it. */
export function explainProxy(error: unknown, { url }: ProxySettings, target: string): SyncError | undefined {
  const proxy = new URL(url).host
  const { host } = new URL(target)
  if (!(error instanceof Error)) return undefined
  const status = /^Proxy response \((\d+)\)/.exec(error.message)?.[1]
  if (status !== undefined) return proxyRefused({ proxy, host, status: Number(status) }, error)
  const code = 'code' in error ? String(error.code) : ''
  // No other connection is made by name than that to the proxy.
  return NOT_REACHED.test(code) ? proxyUnreachable({ proxy, host }, error) : undefined
}

const NOT_REACHED = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_PRX_TLS|UND_ERR_PRX_CONN)$/
