import { describe, expect, it } from 'vitest'
import type { Tokens } from '../../../src/remote/auth/tokens.ts'
import { nextStep, withToken } from '../../../src/remote/auth/with-token.ts'
import { layerOverHttp, type ServerResponse } from '../../support/network/in-turn.ts'

const PAGE = '<html><head><title>Blocked</title></head></html>'
const first = { generation: 5, renewed: 0, rejected: false, resent: false }
const own = (status: number) => ({ status, headers: {}, body: '' })
const page = (status: number) => ({ status, headers: {}, body: PAGE })

it.each([
  ['a success', own(200), first, 'return'],
  ['another refusal', own(404), first, 'return'],
  ['a 401', own(401), first, 'reject'],
  ['a second 401', own(401), { ...first, rejected: true }, 'give up'],
  ['a 401 after a renewal', own(401), { ...first, renewed: 5 }, 'reject'],
  ['a 401 with Retry-After', { ...own(401), headers: { 'retry-after': '1' } }, first, 'return'],
  ['a 401 with a page', page(401), first, 'renew'],
  ['a 401 with a page and the renewed token', page(401), { ...first, renewed: 5 }, 'return'],
  ['a first 403', own(403), first, 'renew'],
  ['a 403 with a newer token than the renewed one', own(403), { ...first, renewed: 4 }, 'renew'],
  ['a 403 with the renewed token', own(403), { ...first, renewed: 5 }, 'return'],
  ['a 403 with an older token than the renewed one', own(403), { ...first, renewed: 6 }, 'resend'],
  ['the same once more', own(403), { ...first, renewed: 6, resent: true }, 'return'],
  ['a 403 with a page', page(403), first, 'return'],
] as const)('after %s the next step is right', (_, response, attempt, expected) => {
  expect(nextStep(response, attempt)).toBe(expected)
})

/** Tokens `t1`, `t2`… by generation, and the generations that were rejected. */
function createTokens() {
  let generation = 1
  const rejected: number[] = []
  const tokens: Tokens = {
    get: async () => ({ accessToken: `t${generation}`, generation, issuedAt: 0, expiresAt: Infinity }),
    async reject(one) {
      rejected.push(one)
      if (one === generation) generation++
    },
  }
  return { tokens, rejected }
}

async function tokenLayer(responses: readonly ServerResponse[]) {
  const { tokens, rejected } = createTokens()
  return { ...(await layerOverHttp(withToken(tokens), responses)), rejected }
}

describe('the layer alone', () => {
  it('puts the token on, beside the headers of the request', async () => {
    await using layer = await tokenLayer([[200]])
    await layer.send({ headers: { accept: 'text/x' } })
    expect(layer.requests[0]!.headers).toMatchObject({ accept: 'text/x', authorization: 'Bearer t1' })
  })

  it('rejects the token of a 401, and sends with the next one', async () => {
    await using layer = await tokenLayer([[401, ''], [200]])
    expect(await layer.send()).toBe(200)
    expect([layer.tokens(), layer.rejected]).toEqual([['Bearer t1', 'Bearer t2'], [1]])
  })

  it('throws SYNC_UNAUTHORIZED at a second 401', async () => {
    await using layer = await tokenLayer([[401, '']])
    await expect(layer.send()).rejects.toMatchObject({ code: 'SYNC_UNAUTHORIZED' })
    expect(layer.requests).toHaveLength(2)
  })

  it('renews the token once for all requests with a 403, and then returns it', async () => {
    await using layer = await tokenLayer([[403, '']])
    expect([await layer.send(), await layer.send()]).toEqual([403, 403])
    expect([layer.tokens(), layer.rejected]).toEqual([['Bearer t1', 'Bearer t2', 'Bearer t2'], [1]])
  })

  it('leaves a response of an intermediary, and any other, to be read', async () => {
    await using layer = await tokenLayer([[403, PAGE], [429], [500]])
    expect([await layer.send(), await layer.send(), await layer.send()]).toEqual([403, 429, 500])
    expect(layer.rejected).toEqual([])
  })

  it('lets the response be read once, whatever it took to get it', async () => {
    await using layer = await tokenLayer([[401, ''], [403, ''], [200]])
    const read: number[] = []
    await layer.send({ read: ({ status }) => read.push(status) })
    expect(read).toEqual([200])
  })
})
