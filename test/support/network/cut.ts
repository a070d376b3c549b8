/** A relay that can be cut: the server is gone for its clients, and still there for others. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export interface Cut extends AsyncDisposable {
  /** The address of the server behind it, with another port. */
  readonly url: string
  /** Like a server that is shut down: connections end, and new ones are refused. */
  down(): Promise<void>
  up(): Promise<void>
}

/** A relay in front of a server, which other clients still reach. */
export async function startCut(url: string): Promise<Cut> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let server: Server | undefined
  let port = 0
  const up = async (): Promise<void> => {
    server = createServer((socket) => {
      const other = connect(Number(target.port), target.hostname)
      for (const one of [socket, other]) {
        sockets.add(one)
        one.on('error', () => {}).on('close', () => sockets.delete(one))
      }
      socket.pipe(other).pipe(socket)
      socket.on('close', () => other.destroy())
      other.on('close', () => socket.destroy())
    })
    await once(server.listen(port, '127.0.0.1'), 'listening')
    port = (server.address() as AddressInfo).port
  }
  const down = async (): Promise<void> => {
    const closed = server === undefined ? undefined : once(server.close(), 'close')
    for (const socket of sockets) socket.destroy()
    await closed
    server = undefined
  }
  await up()
  const shown = new URL(url)
  shown.hostname = '127.0.0.1'
  shown.port = String(port)
  return { url: shown.href, up, down, [Symbol.asyncDispose]: down }
}
