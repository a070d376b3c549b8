/**
 * A server that anybody who reaches its port may talk to: whatever they send, or leave unsent, neither ends the process nor
 * keeps others from being answered.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** What is asked for, by name; `path` is as it was sent, and is no address to be resolved. */
export interface Target {
  readonly path: string
  readonly params: URLSearchParams
}

type Listener = (request: IncomingMessage, response: ServerResponse, target: Target) => Promise<void> | void

/** A request is a line and a few headers: who takes longer to send it is not asking. Node's own limits are minutes. */
const REQUEST_MS = 10_000
const CHECK_EVERY_MS = 1_000
/** Far below the files a process may open, which its databases need as well. */
const MAX_CONNECTIONS = 128

export function createPublicServer(listener: Listener): Server {
  const server = createServer(
    { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: CHECK_EVERY_MS },
    (request, response) => {
      // Somebody who goes away before the answer is no failure of ours.
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
 * Past the limit the connection that has been silent longest makes room, so that a flood of silent ones keeps nobody out.
 * One whose request is being answered stays; where all are, the new one has to go.
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

/** By hand: `new URL` throws on `//` and `http://[`, and takes the path of another host for one of ours. */
function targetOf(url = ''): Target {
  const at = url.indexOf('?')
  return at < 0
    ? { path: url, params: new URLSearchParams() }
    : { path: url.slice(0, at), params: new URLSearchParams(url.slice(at + 1)) }
}
