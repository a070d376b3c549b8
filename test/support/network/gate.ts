/** Postgres behind a gate, which speaks TLS although the server itself does not. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { inject } from 'vitest'
import { onTestFinished } from '../run/test-context.ts'

/** Created for these tests; for 127.0.0.1 and postgres.test, until 2120. */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBcjCCARmgAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1wb3N0Z3Jl
cy50ZXN0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAYMRYwFAYD
VQQDDA1wb3N0Z3Jlcy50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwsPC
7penITPaY3r/bHnvETQnsRNOvyxv/sflLWJC2EcEFu/7nbY5bvHxfHIjeZCiZyhw
8y6AePHGKLDvFO5p/qNSMFAwDwYDVR0TAQH/BAUwAwEB/zAeBgNVHREEFzAVhwR/
AAABgg1wb3N0Z3Jlcy50ZXN0MB0GA1UdDgQWBBRg5SOrIlpL98ly9acowZYFJUG7
rTAKBggqhkjOPQQDAgNHADBEAiAxE7jUxDdfNe5NCdTaUzsRk31pqaD+swxTh7DT
A2sqRAIgQjGfKDkrWYZ9PvXmubo8BrNiKtZ4KAkyurIzctvbPSk=
-----END CERTIFICATE-----`
export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsJRqp/nu6QhXLg0X
oOwbMu9IvjqNwVWlMg/e1MrpRb6hRANCAATCw8Lul6chM9pjev9see8RNCexE06/
LG/+x+UtYkLYRwQW7/udtjlu8fF8ciN5kKJnKHDzLoB48cYosO8U7mn+
-----END PRIVATE KEY-----`

export const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
/** As `TLSSocket` takes it, with its length in front. */
const ALPN = Buffer.from('\x0apostgresql') as unknown as string[]
/** The first byte of TLS. */
const HANDSHAKE = 22

export interface Gate {
  readonly url: string
  /** The first bytes of each connection. */
  readonly greetings: Buffer[]
}

/** Postgres behind a gate: with or without TLS, at an address of the test's choice. */
export async function gate(
  listen: { host?: string; path?: string },
  tls: boolean,
  { target: address = inject('adminUrl'), wantsCertificate = false } = {},
): Promise<Gate> {
  const target = new URL(address)
  const greetings: Buffer[] = []
  const secureContext = createSecureContext({ cert: CERTIFICATE, key: KEY, ca: CERTIFICATE })
  const wanted = wantsCertificate ? { requestCert: true, rejectUnauthorized: true } : {}
  const secure = (plain: Socket) =>
    new TLSSocket(plain, { isServer: true, secureContext, ALPNProtocols: ALPN, ...wanted })
  const server: Server = createServer((plain) => {
    const outer = connect(Number(target.port || 5432), target.hostname)
    const joined = (inner: Socket): void => {
      inner.on('error', () => outer.destroy()).on('close', () => outer.destroy())
      outer.on('error', () => inner.destroy()).on('close', () => inner.destroy())
      inner.pipe(outer).pipe(inner)
    }
    plain.once('data', (greeting: Buffer) => {
      greetings.push(greeting)
      if (greeting.equals(SSL_REQUEST)) {
        plain.write(tls ? 'S' : 'N')
        joined(tls ? secure(plain) : plain)
      } else if (greeting[0] === HANDSHAKE) {
        plain.pause().unshift(greeting)
        joined(secure(plain))
      } else {
        outer.write(greeting)
        joined(plain)
      }
    })
  })
  server.listen(listen.path === undefined ? { ...listen, port: 0 } : listen)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const url = new URL(target)
  if (listen.path === undefined) url.port = String((server.address() as AddressInfo).port)
  return { url: url.href, greetings }
}
