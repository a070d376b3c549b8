/**
 * A proxy in front of a server that records the requests to its token address. A response from `before` is sent in the server's
 * place; a promise delays the request.
 */
import { text } from 'node:stream/consumers'
import { serve, type TestServer } from '../network/http.ts'

export type Form = Readonly<Record<string, string>>
interface Answer {
  readonly status: number
  readonly body: string
}

export function watchTokens(
  target: string,
  before: (form: Form) => Promise<Answer | undefined> | Answer | undefined,
): Promise<TestServer> {
  return serve((request, response) => {
    const pass = async (): Promise<void> => {
      const { method = 'GET', url = '', headers } = request
      const body = await text(request)
      if (url === '/oauth/token') {
        const instead = await before(Object.fromEntries(new URLSearchParams(body)))
        if (instead !== undefined) return void response.writeHead(instead.status).end(instead.body)
      }
      const { accept = '', authorization = '', 'content-type': type = '' } = headers
      const answer = await fetch(target + url, {
        method,
        headers: { accept, authorization, 'content-type': type },
        ...(method === 'GET' ? {} : { body }),
      })
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
      response.end(await answer.text())
    }
    pass().catch(() => response.destroy())
  })
}
