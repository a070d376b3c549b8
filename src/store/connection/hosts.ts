/**
 * Chooses one of several hosts: the first, in the order of DATABASE_URL, that responds and is writable. A connection of its own
 * finds it, since a server shows that it is a standby only after authentication, which the driver does. The choice holds
 * until a connection is lost.
 */
import type { DatabaseUrl, Host } from '../../config/database-url.ts'
import { causeText } from '../../errors/sync-error.ts'
import type { ServerRoute } from './driver-socket.ts'

export type Hosts = ServerRoute['hosts']

export interface HostProbe {
  /** @throws when the host does not respond, or rejects the connection. */
  isReadOnly(host: Host): Promise<boolean>
  /** Whether the next host may be tried after such an error. */
  isAway(error: unknown): boolean
}

export const onlyHost = (host: Host): Hosts => ({ next: () => host, forget: () => {}, writable: false })

export function hostsOf({ hosts, writable }: DatabaseUrl, probe: HostProbe): Hosts {
  const [first, ...others] = hosts as [Host, ...Host[]]
  if (others.length === 0 && !writable) return onlyHost(first)
  let found: Promise<Host> | undefined
  /** The search goes on when its callers give up: begun anew each time, it would never get past an unresponsive host. */
  let searching = false
  return {
    writable,
    next() {
      if (found !== undefined) return found
      searching = true
      const looking = firstOf(hosts, writable, probe).finally(() => (searching = false))
      found = looking
      looking.catch(() => {
        if (found === looking) found = undefined
      })
      return looking
    },
    forget() {
      if (!searching) found = undefined
    },
  }
}

/** As in libpq: after a host that is away or not writable the next is tried; after one that rejects the user it is not. */
async function firstOf(hosts: readonly Host[], writable: boolean, probe: HostProbe): Promise<Host> {
  const unfit: string[] = []
  for (const host of hosts) {
    try {
      const readOnly = await probe.isReadOnly(host)
      if (!writable || !readOnly) return host
      unfit.push(`${host.host}:${host.port} cannot be written to`)
    } catch (error) {
      if (!probe.isAway(error)) throw error
      unfit.push(`${host.host}:${host.port}: ${causeText(error)}`)
    }
  }
  const why = `none of its hosts ${writable ? 'can be written to' : 'responds'} (${unfit.join('; ')})`
  throw Object.assign(new Error(why), { code: 'CONNECTION_NO_HOST' })
}
