/** Spans of calls to ScopeStack: a page, with its waits and retries, and below it each request. Of an address only the path is shown. */
import type { Tracing } from '../tracing.ts'
import type { Client } from './client.ts'
import type { Http } from './http/http.ts'

export const tracedClient = (client: Client, tracing: Tracing): Client => ({
  ...client,
  get: (path, ...rest) => tracing.span('page', pathOf(path), () => client.get(path, ...rest)),
  write: (request, ...rest) =>
    tracing.span('write', { ...pathOf(request.path), 'http.request.method': request.method }, () =>
      client.write(request, ...rest),
    ),
})

export const tracedHttp = (http: Http, tracing: Tracing): Http => ({
  send(request, signal) {
    const { hostname, pathname } = new URL(request.url)
    const facts = { 'http.request.method': request.method, 'server.address': hostname, 'url.path': pathname }
    return tracing.span(request.method, facts, async (note) => {
      const response = await http.send(request, signal)
      note({ 'http.response.status_code': response.status })
      return response
    })
  },
  close: () => http.close(),
})

function pathOf(path: string) {
  const { pathname, searchParams } = new URL(path, 'http://x')
  const page = Number(searchParams.get('page[number]') ?? 0)
  return { 'url.path': pathname, ...(page > 0 ? { 'scopestack.page': page } : {}) }
}
