/**
 * An HTTP server on an open port: no client can end the process or keep it from serving other clients, whatever it sends or
 * does not send.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

// Not by import, which reads every member of the module: WebSocket loads all of Node's own undici, for 40 ms of CPU.
const { createServer } = process.getBuiltinModule('node:http')

/** The request target; `path` is as it was sent, and is not resolved. */
export interface Target {
  readonly path: string
  readonly params: URLSearchParams
}

type Listener = (request: IncomingMessage, response: ServerResponse, target: Target) => Promise<void> | void

/** A request is a line and a few headers. Node's own limits are minutes. */
const REQUEST_MS = 10_000
const CHECK_EVERY_MS = 1_000
/** Far below the limit of open files, which the database connections need as well. */
const MAX_CONNECTIONS = 128

export function createPublicServer(listener: Listener): Server {
  const server = createServer(
    { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: CHECK_EVERY_MS },
    (request, response) => {
      // A client that disconnects before the response is no failure.
      response.on('error', () => {})
      const answered = async (): Promise<void> => listener(request, response, targetOf(request.url))
      answered().catch(() => {
        if (!response.headersSent) response.writeHead(500)
        response.end()
      })
    },
  )
  return keepNewest(server)
}

/**
 * Beyond the limit, the connection that has been silent longest is closed, so that a flood of silent ones keeps no client out. One
 * whose request is in progress stays; where all are in progress, the new one is closed.
 */
function keepNewest(server: Server): Server {
  let open = 0
  const silent = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open++
    silent.add(socket)
    socket.once('close', () => {
      open--
      silent.delete(socket)
    })
    if (open <= MAX_CONNECTIONS) return
    const [oldest] = silent
    oldest?.destroy()
  })
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    silent.delete(socket)
    response.once('close', () => {
      if (!socket.destroyed) silent.add(socket)
    })
  })
  return server
}

/** Parsed by hand: `new URL` throws on `//` and `http://[`, and would accept the path of another host. */
function targetOf(url = ''): Target {
  const at = url.indexOf('?')
  return at < 0
    ? { path: url, params: new URLSearchParams() }
    : { path: url.slice(0, at), params: new URLSearchParams(url.slice(at + 1)) }
}
