/**
 * The proxy of a company between its hosts and the internet: it takes CONNECT, and behind it a host terminates TLS in
 * front of a server of the test. Names are not resolved: every request ends at that host.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { CERTIFICATE, PRIVATE_KEY } from './certificate.ts'

export interface ConnectProxy extends AsyncDisposable {
  /** host:port. */
  readonly host: string
  /** The requested host of each CONNECT. */
  readonly asked: string[]
  /** The response instead of a connection; null: it connects. `silent` sends no response. */
  refuses: number | 'silent' | null
  /** `user:password`, if it requires them. */
  wants: string | null
}

/** @param target the server behind TLS, http://127.0.0.1:port. */
export async function startConnectProxy(target: string): Promise<ConnectProxy> {
  const sockets = new Set<Socket>()
  const join = (one: Socket, other: Socket): void => {
    for (const socket of [one, other]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    one.pipe(other).pipe(one)
    one.on('close', () => other.destroy())
    other.on('close', () => one.destroy())
  }
  const tls = createTlsServer({ cert: CERTIFICATE, key: PRIVATE_KEY }, (socket) =>
    join(socket, connect(Number(new URL(target).port), '127.0.0.1')),
  )
  const server = createServer((_, response) => response.writeHead(400).end())
  await Promise.all([listening(tls), listening(server)])
  const proxy = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [] as string[],
    refuses: null as ConnectProxy['refuses'],
    wants: null as string | null,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      await Promise.all([closed(tls), closed(server)])
    },
  }
  server.on('connect', (request, socket: Socket) => {
    sockets.add(socket.on('error', () => {}))
    proxy.asked.push(request.url ?? '')
    const given = /^Basic (.+)$/.exec(request.headers['proxy-authorization'] ?? '')?.[1] ?? ''
    const isKnown = proxy.wants === null || Buffer.from(given, 'base64').toString() === proxy.wants
    if (proxy.refuses === 'silent') return
    const status = isKnown ? proxy.refuses : 407
    if (status !== null) return void socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`)
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    join(socket, connect((tls.address() as AddressInfo).port, '127.0.0.1'))
  })
  return proxy
}

async function listening(server: Server): Promise<void> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
}

async function closed(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}
