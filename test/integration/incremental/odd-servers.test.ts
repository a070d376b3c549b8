/** A server that fails where others refuse, or counts records and no pages: changes are read as well as it lets them be. */
import { expect, it } from 'vitest'
import { remoteFailed } from '../../../src/errors/requests.ts'
import type { Client } from '../../../src/remote/client.ts'
import { pull } from '../../../src/sync/run/run.ts'
import { edit, openAccount } from '../../support/scopestack/increments.ts'
import { expectAsRemote } from '../../support/scopestack/living.ts'
import { readCapability } from '../../support/tables/capabilities.ts'

it.each(['sort=', 'updated-at'])(
  'a request with %s that fails is not sent again where the plain list succeeds',
  async (part) => {
    await using account = await openAccount({ types: ['projects'], switches: { dateFilter: 'refused' } })
    const { sim, worker } = account
    const client: Client = {
      ...worker.client,
      get: (path, ...rest) =>
        decodeURIComponent(path).includes(part)
          ? Promise.reject(remoteFailed({ url: path, status: 500, requestId: undefined, taken: true }))
          : worker.client.get(path, ...rest),
    }
    edit(sim, 'projects', sim.records.list('projects')[0]!.id)
    const { outcomes } = await pull(
      { ...worker, client },
      {
        resources: [worker.catalog.get('projects')!],
        changesOnly: true,
        signal: new AbortController().signal,
        onEvent: () => {},
      },
    )
    expect(outcomes).toMatchObject([{ outcome: 'ok', updated: 1 }])
    await expectAsRemote(worker, sim, ['projects'])
  },
)

it('a read of the newest first is proved where the server counts records and not pages', async () => {
  await using account = await openAccount({
    types: ['projects'],
    switches: { dateFilter: 'refused' },
    pageSize: 5,
    alter: ({ meta, ...body }) => {
      const { 'page-count': _, ...rest } = meta
      return { ...body, meta: rest }
    },
  })
  const { sim, worker, changes } = account
  for (let times = 1; times <= 2; times++) {
    for (const { id } of sim.records.list('projects').slice(0, 7)) edit(sim, 'projects', id)
    await changes(['projects'], { projects: { outcome: 'ok' } })
    await expectAsRemote(worker, sim, ['projects'])
  }
  expect(await readCapability(worker.sql, 'projects', 'changes')).toBe('sort')
})
