/** A list that is not found is told apart from an account that is not, by a list that every account has. */
import { expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { stopped } from '../../../src/errors/commands.ts'
import { remoteFailed } from '../../../src/errors/requests.ts'
import { requestRefused } from '../../../src/errors/resources.ts'
import type { SyncError } from '../../../src/errors/sync-error.ts'
import type { Client } from '../../../src/remote/client.ts'
import { explainRefusal } from '../../../src/sync/list/explain-refusal.ts'

const url = 'https://scopestack.test/demo/v1/tags'
const notFound = requestRefused({ url, status: 404, detail: '' })

/** @param probed what the list is answered with that every account has. */
const explained = (probed: SyncError) => {
  const client = { get: () => Promise.reject(probed) } as unknown as Client
  return explainRefusal({ client, slug: 'demo' }, catalog.get('tags')!, notFound, new AbortController().signal)
}

it.each([
  ['the account, where that is not found either', notFound, 'SYNC_ACCOUNT_NOT_FOUND'],
  [
    'the list, where it cannot be asked',
    remoteFailed({ url, status: 500, requestId: undefined }),
    'SYNC_LIST_NOT_FOUND',
  ],
])('a list that is not found means %s', async (_, probed, code) => {
  expect(await explained(probed)).toMatchObject({ code })
})

it('a stop meanwhile is a stop, and no list that is not found', async () => {
  await expect(explained(stopped())).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
})
