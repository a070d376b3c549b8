import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Answer {
  readonly status: number
  readonly body: string
  readonly type?: string
}

interface Hooks {
  /** Called with each request before it is passed on; what it returns is answered in its place. */
  before?(request: IncomingMessage): Promise<Answer | undefined> | Answer | undefined
  /** Called with each body that comes back; gives the one that is sent. */
  after?(request: IncomingMessage, body: string): string
}

export type Proxy = AsyncDisposable & { readonly url: string }

/** Stands between the worker and the simulator, for what a server can do and the simulator has no switch for. */
export async function startProxy(target: string, { before, after }: Hooks): Promise<Proxy> {
  const server = createServer((request, response) => {
    const pass = async (): Promise<void> => {
      const chunks: Uint8Array[] = []
      for await (const chunk of request) chunks.push(chunk as Uint8Array)
      const instead = await before?.(request)
      if (instead !== undefined) {
        response.writeHead(instead.status, { 'content-type': instead.type ?? 'application/vnd.api+json' })
        response.end(instead.body)
        return
      }
      const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers
      const answer = await fetch(target + (request.url ?? ''), {
        method: request.method ?? 'GET',
        headers: headers as Record<string, string>,
        ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
      })
      const body = await answer.text()
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' })
      response.end(after?.(request, body) ?? body)
    }
    pass().catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
