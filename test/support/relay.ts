import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Remote } from './worker.ts'

type Json = Record<string, unknown>
export type ListBody = { data: Json[]; included?: Json[]; meta: Json }

/** Given the whole answer of a list; what it returns is sent instead. */
export type Alter = (body: ListBody, asked: { type: string; page: number }) => unknown

/** Passes everything on to a simulator and lets a test rewrite the lists, for answers the simulator is too right to give. */
export async function startRelay(remote: Remote, alter: Alter): Promise<Remote & AsyncDisposable> {
  const server = createServer(async (request, response) => {
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
    const type = /^\/[^/]+\/v1\/([a-z-]+)$/.exec(pathname)?.[1]
    if (type !== undefined && answer.status === 200) {
      const page = Number(searchParams.get('page[number]') ?? '1')
      body = JSON.stringify(alter(JSON.parse(body) as ListBody, { type, page }))
    }
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' }).end(body)
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
