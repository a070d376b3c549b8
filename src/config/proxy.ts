/** The proxy that requests leave by, under the names that every program reads. */
import { isDecodable, listBy, optional, type Parsed } from './kinds.ts'

export interface Proxy {
  /** With user and password, where it wants them. */
  readonly url: string
  /** Hosts that are reached directly. */
  readonly except: readonly string[]
}

function proxyUrl(given: string): Parsed<string> {
  // curl takes a proxy without a scheme, and so do the machines that are set up for it.
  const value = /^[a-z][a-z\d+.-]*:\/\//i.test(given) ? given : `http://${given}`
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) && isPlain(new URL(value))) return { value }
  return {
    mistakes: [
      'must be the address of an HTTP proxy, such as http://user:password@proxy.example:3128 (no SOCKS, no path)',
    ],
  }
}

const isPlain = ({ pathname, search, hostname, username, password }: URL): boolean =>
  hostname !== '' && (pathname === '/' || pathname === '') && search === '' && isDecodable(username + password)

export const PROXY_VARIABLES = {
  HTTPS_PROXY: {
    group: 'Process',
    about:
      'The proxy that requests to ScopeStack and to the webhook leave by: http://[user:password@]host:port. Also in small letters, as most machines have it. HTTP_PROXY is for http:// addresses, of which there are none but of this machine.',
    kind: optional(proxyUrl),
    example: '',
    anyCase: true,
  },
  NO_PROXY: {
    group: 'Process',
    about:
      'Hosts that are asked without it, comma separated: example.org is for that host and those below it, * for all.',
    kind: optional(listBy(/[\s,]+/)),
    example: '',
    anyCase: true,
  },
} as const
