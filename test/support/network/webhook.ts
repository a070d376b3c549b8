/** A webhook that keeps what it receives, and can be out of order. */
import type { IncomingHttpHeaders } from 'node:http'
import { serve } from './http.ts'

export interface Webhook extends AsyncDisposable {
  readonly url: string
  /** All received bodies, accepted or not. */
  readonly received: Record<string, unknown>[]
  /** The same as they came. */
  readonly requests: { readonly headers: IncomingHttpHeaders; readonly body: string }[]
  /** The status of its responses from now on. */
  status: number
}

export async function startWebhook(): Promise<Webhook> {
  const webhook = { received: [] as Record<string, unknown>[], requests: [] as Webhook['requests'], status: 200 }
  const server = await serve((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      webhook.requests.push({ headers: request.headers, body })
      webhook.received.push(JSON.parse(body) as Record<string, unknown>)
      response.writeHead(webhook.status).end()
    })
  })
  return Object.assign(webhook, {
    url: `${server.url}/hook/secret-path`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  })
}
