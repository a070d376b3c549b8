/** Responses that are of ScopeStack's form, and yet would mislead a reader, or use up its memory. */
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { serve } from '../../support/network/http.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { livingIds, openAccount, pullOne, remoteIds } from '../../support/scopestack/account.ts'
import { expectAsRemote } from '../../support/scopestack/living.ts'
import { startWorker } from '../../support/scopestack/worker.ts'

it('links to another host are not followed, and no token is sent there', async () => {
  const asked: (string | undefined)[] = []
  await using elsewhere = await serve(({ url }, response) => {
    asked.push(url)
    response.writeHead(200).end('{"data":[]}')
  })
  const links = { self: `${elsewhere.url}/self`, next: `${elsewhere.url}/next`, last: `${elsewhere.url}/last` }
  const { sim, worker } = await openAccount({}, (body) => ({
    ...body,
    links,
    data: body.data.map((record) => ({ ...record, links })),
  }))
  for (const type of ['vendors', 'projects']) expect(await pullOne(worker, type)).toMatchObject({ outcome: 'ok' })
  await expectAsRemote(worker, sim, ['vendors', 'projects'])
  expect(asked).toEqual([])
})

it('a record that a list has twice, on one page and on two, is one row', async () => {
  let first: Record<string, unknown> | undefined
  const { sim, worker } = await openAccount({}, (body, { type, page }) => {
    if (type !== 'vendors') return body
    if (page === 1) first = body.data[0]
    const again = page === 1 || first === undefined ? [] : [first]
    return { ...body, data: [...body.data, body.data.at(-1)!, ...again] }
  })
  for (const _ of [1, 2]) {
    const { outcome } = await pullOne(worker, 'vendors')
    expect(['ok', 'incomplete']).toContain(outcome)
    expect(await livingIds(worker, 'vendors')).toEqual(remoteIds(sim, 'vendors'))
  }
})

it('headers that are larger than any server needs end their list, and no other', async () => {
  const { sim } = await openAccount()
  await using proxy = await serve((request, response) => {
    const pass = async (): Promise<void> => {
      const { method = 'GET', url = '', headers } = request
      const body = await text(request)
      const answer = await fetch(sim.url + url, {
        method,
        headers: {
          accept: headers.accept ?? '*/*',
          'content-type': headers['content-type'] ?? '',
          authorization: headers.authorization ?? '',
        },
        ...(method === 'GET' ? {} : { body }),
      })
      const padding = url.includes('/v1/tags') ? { 'x-padding': 'x'.repeat(200_000) } : {}
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '', ...padding })
      response.end(await answer.text())
    }
    pass().catch(() => response.destroy())
  })
  await using database = await createDatabase()
  await using worker = await startWorker({ url: proxy.url, credentials: sim.credentials }, database.url)
  expect(await pullOne(worker, 'tags')).toMatchObject({ outcome: 'failed', code: 'SYNC_REMOTE_UNREACHABLE' })
  expect(await pullOne(worker, 'vendors')).toMatchObject({ outcome: 'ok' })
})
