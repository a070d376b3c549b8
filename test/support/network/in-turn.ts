/** A server that gives prepared responses in turn, for tests of one layer of the client. */
import type { IncomingMessage } from 'node:http'
import { createHttp } from '../../../src/remote/http/http.ts'
import { overHttp, type Layer, type Request, type Send } from '../../../src/remote/http/send.ts'
import { serve } from './http.ts'

export type ServerResponse = readonly [status: number, body?: string, headers?: Record<string, string>]

/** A server that gives these responses in turn, the last one for ever, and notes the requests. For `await using`. */
export async function serveInTurn(responses: readonly ServerResponse[]) {
  const requests: Pick<IncomingMessage, 'method' | 'url' | 'headers'>[] = []
  const server = await serve(({ method, url, headers: sent }, response) => {
    requests.push({ method, url, headers: sent })
    const [status, body = '{"data":[]}', headers = {}] = responses[Math.min(requests.length, responses.length) - 1]!
    response.writeHead(status, headers).end(body)
  })
  return { url: server.url, requests, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

/** One layer of the client, directly over HTTP to such a server. */
export async function layerOverHttp(layer: Layer, responses: readonly ServerResponse[]) {
  const server = await serveInTurn(responses)
  const http = createHttp({ connections: 4 })
  const send: Send = layer(overHttp(http))
  const never = new AbortController().signal
  return {
    requests: server.requests,
    tokens: () => server.requests.map(({ headers }) => headers.authorization),
    /** Reads the status, unless `read` is given. */
    send: (request: Partial<Request<number>> = {}, signal = never): Promise<number> =>
      send({ method: 'GET', url: `${server.url}/list`, headers: {}, read: ({ status }) => status, ...request }, signal),
    async [Symbol.asyncDispose]() {
      await http.close()
      await server[Symbol.asyncDispose]()
    },
  }
}
