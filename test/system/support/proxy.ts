import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { serve, type TestServer } from '../../support/network/http.ts'

interface Answer {
  readonly status: number
  readonly body: string
}

interface Hooks {
  /** Called with each request before it is forwarded; a returned response is sent instead. */
  readonly before?: (request: IncomingMessage) => Promise<Answer | undefined> | Answer | undefined
  /** Called with each response body; returns the one that is sent. */
  readonly after?: (request: IncomingMessage, body: string) => string
}

/** A proxy between the worker and the simulator, for behaviour that the simulator has no switch for. */
export function startProxy(target: string, { before, after }: Hooks): Promise<TestServer> {
  return serve((request, response) => {
    const pass = async (): Promise<void> => {
      const sent = await text(request)
      const instead = await before?.(request)
      if (instead !== undefined) {
        response.writeHead(instead.status).end(instead.body)
        return
      }
      const { method = 'GET', url = '', headers } = request
      const { accept = '', authorization, 'content-type': type = '' } = headers
      const answer = await fetch(target + url, {
        method,
        headers: { accept, 'content-type': type, ...(authorization === undefined ? {} : { authorization }) },
        ...(method === 'GET' ? {} : { body: sent }),
      })
      const body = await answer.text()
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
      response.end(after?.(request, body) ?? body)
    }
    pass().catch(() => response.destroy())
  })
}
