/**
 * Which of several hosts is used: the first, in the order of DATABASE_URL, that answers and can be written to. A question
 * of its own finds it out, since whether a server is a standby shows only behind the password, which is the driver's to
 * send. What was found holds until a connection is lost.
 */
import type { DatabaseUrl, Host } from '../../config/database-url.ts'
import { reason } from '../../errors/sync-error.ts'
import type { ServerRoute } from './driver-socket.ts'

export type Hosts = ServerRoute['hosts']

export interface HostProbe {
  /** @throws where it does not answer, or refuses. */
  isReadOnly(host: Host): Promise<boolean>
  /** Whether the next host may do better behind such a failure. */
  isAway(error: unknown): boolean
}

export const onlyHost = (host: Host): Hosts => ({ next: () => host, forget: () => {}, writable: false })

export function hostsOf({ hosts, writable }: DatabaseUrl, ask: HostProbe): Hosts {
  const [first, ...others] = hosts as [Host, ...Host[]]
  if (others.length === 0 && !writable) return onlyHost(first)
  let found: Promise<Host> | undefined
  /** Goes on when those who wait for it give up: begun anew each time, it would never get past a host that is silent. */
  let searching = false
  return {
    writable,
    next() {
      if (found !== undefined) return found
      searching = true
      const looking = firstOf(hosts, writable, ask).finally(() => (searching = false))
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

/** As libpq: a host that is away, or not the right one, gives way to the next; one that refuses the user does not. */
async function firstOf(hosts: readonly Host[], writable: boolean, ask: HostProbe): Promise<Host> {
  const unfit: string[] = []
  for (const host of hosts) {
    try {
      const readOnly = await ask.isReadOnly(host)
      if (!writable || !readOnly) return host
      unfit.push(`${host.host}:${host.port} cannot be written to`)
    } catch (error) {
      if (!ask.isAway(error)) throw error
      unfit.push(`${host.host}:${host.port}: ${reason(error)}`)
    }
  }
  const why = `none of its hosts ${writable ? 'can be written to' : 'answers'} (${unfit.join('; ')})`
  throw Object.assign(new Error(why), { code: 'CONNECTION_NO_HOST' })
}
