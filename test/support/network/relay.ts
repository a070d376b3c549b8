/** A relay in front of a simulator that rewrites responses, for those that no switch of the simulator gives. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Remote } from '../scopestack/worker.ts'

type Json = Record<string, unknown>
export interface ListBody {
  data: Json[]
  included?: Json[]
  meta: Json
}

export interface OneBody {
  data: Json & { attributes: Json }
}

/** Each gets a complete response; the returned one is sent instead. */
export interface Alter {
  /** @param asked the request; of a list below a project, `type` is `projects/{id}/{type}`. */
  list?: (body: ListBody, asked: { type: string; page: number; query: URLSearchParams }) => unknown
  me?: (body: OneBody) => unknown
  /** A single record. */
  one?: (body: OneBody) => unknown
}

export async function startRelay(remote: Remote, alter: Alter): Promise<Remote & AsyncDisposable> {
  const server = createServer((request, response) => {
    // A simulator that is being closed sends no response.
    pass(remote, alter, request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: remote.credentials,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

// --- internal ---

async function pass(remote: Remote, alter: Alter, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const answer = await fetch(remote.url + request.url!, {
    method: request.method!,
    headers: Object.fromEntries(
      ['authorization', 'accept', 'content-type'].flatMap((name) => {
        const value = request.headers[name]
        return typeof value === 'string' ? [[name, value]] : []
      }),
    ),
    ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
  })
  let body = await answer.text()
  const { pathname, searchParams } = new URL(request.url!, remote.url)
  const type = /^\/[^/]+\/v1\/([a-z-]+|projects\/\d+\/[a-z-]+)$/.exec(pathname)?.[1]
  const page = Number(searchParams.get('page[number]') ?? '1')
  if (answer.status === 200 && type !== undefined && alter.list !== undefined) {
    body = JSON.stringify(alter.list(JSON.parse(body) as ListBody, { type, page, query: searchParams }))
  }
  if (answer.status === 200 && /^\/[^/]+\/v1\/[a-z-]+\/\d+$/.test(pathname) && alter.one !== undefined) {
    body = JSON.stringify(alter.one(JSON.parse(body) as OneBody))
  }
  if (answer.status === 200 && pathname === '/v1/me' && alter.me !== undefined) {
    body = JSON.stringify(alter.me(JSON.parse(body) as OneBody))
  }
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' }).end(body)
}
