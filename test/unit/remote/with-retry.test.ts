import { describe, expect, it } from 'vitest'
import { stopped } from '../../../src/errors/commands.ts'
import type { SyncError } from '../../../src/errors/sync-error.ts'
import { throwIfTemporary } from '../../../src/remote/http/response.ts'
import { withRetry } from '../../../src/remote/http/with-retry.ts'
import { layerOverHttp, type ServerResponse } from '../../support/network/in-turn.ts'

const POLICY = { attempts: 3, baseMs: 1, capMs: 2 }
const BUSY: ServerResponse = [429, '', { 'retry-after': '0' }]

async function retryLayer(responses: readonly ServerResponse[]) {
  const backOffs: number[] = []
  const retries: SyncError[] = []
  const rateLimit = { backOff: async (ms: number) => void backOffs.push(ms) }
  const layer = withRetry({ policy: POLICY, rateLimit, onRetry: (error) => retries.push(error) })
  const over = await layerOverHttp(layer, responses)
  return {
    ...over,
    backOffs,
    retries,
    fail: (error: Error) =>
      over.send({
        read() {
          throw error
        },
      }),
    send: (method: 'GET' | 'POST' | 'PATCH' | 'DELETE' = 'GET', attempts?: number, signal?: AbortSignal) =>
      over.send(
        {
          method,
          attempts,
          read(response) {
            throwIfTemporary(response, '')
            return response.status
          },
        },
        signal,
      ),
  }
}

describe('the layer alone', () => {
  it('repeats a read until it succeeds, and reports each failure', async () => {
    await using layer = await retryLayer([[500], [503], [200]])
    expect(await layer.send()).toBe(200)
    expect([layer.requests.length, layer.retries.length, layer.backOffs]).toEqual([3, 2, []])
  })

  it('throws the last failure once the attempts are spent: of the policy, or of the request', async () => {
    await using layer = await retryLayer([[500]])
    await expect(layer.send()).rejects.toMatchObject({ code: 'SYNC_REMOTE_FAILED' })
    expect(layer.requests).toHaveLength(POLICY.attempts)
    await expect(layer.send('GET', 1)).rejects.toMatchObject({ code: 'SYNC_REMOTE_FAILED' })
    expect(layer.requests).toHaveLength(POLICY.attempts + 1)
  })

  it('holds back the fleet after each 429, and spends no attempt on it', async () => {
    await using layer = await retryLayer([...Array.from({ length: 5 }, () => BUSY), [200]])
    expect(await layer.send()).toBe(200)
    expect(layer.backOffs).toHaveLength(5)
    expect(Math.min(...layer.backOffs)).toBeGreaterThan(0)
  })

  it('holds back the fleet for a wait that is too long to make, and throws', async () => {
    await using layer = await retryLayer([[429, '', { 'retry-after': '3600' }]])
    await expect(layer.send()).rejects.toMatchObject({ code: 'SYNC_RATE_LIMITED' })
    expect([layer.requests.length, layer.backOffs]).toEqual([1, [3_600_000]])
  })

  it.each(['PATCH', 'DELETE'] as const)('never repeats a %s, and reports its failure all the same', async (method) => {
    await using layer = await retryLayer([[500], BUSY])
    await expect(layer.send(method)).rejects.toMatchObject({ code: 'SYNC_REMOTE_FAILED' })
    await expect(layer.send(method)).rejects.toMatchObject({ code: 'SYNC_RATE_LIMITED' })
    expect([layer.requests.length, layer.retries.length, layer.backOffs.length]).toEqual([2, 2, 1])
  })

  it.each([
    [BUSY, 2],
    [[421], 2],
    [[425], 2],
    [[408], 1],
    [[500], 1],
    [[503, '', { 'retry-after': '0' }], 1],
  ] as const)('sends a POST that failed with %j %i time(s)', async (response, times) => {
    await using layer = await retryLayer([response, [201]])
    await layer.send('POST').catch(() => {})
    expect(layer.requests).toHaveLength(times)
  })

  it('throws at once what is not temporary, and what is no error of ours', async () => {
    await using layer = await retryLayer([[200]])
    for (const error of [stopped(), new TypeError('x is undefined')]) {
      await expect(layer.fail(error)).rejects.toBe(error)
    }
    expect([layer.requests.length, layer.retries]).toEqual([2, []])
  })

  it('ends a wait when the signal fires', async () => {
    await using layer = await retryLayer([[429, '', { 'retry-after': '60' }]])
    const stop = new AbortController()
    const sent = layer.send('GET', undefined, stop.signal)
    while (layer.backOffs.length === 0) await new Promise(setImmediate)
    stop.abort()
    await expect(sent).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
  })
})
