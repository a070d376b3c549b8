import { describe, expect, it } from 'vitest'
import { createHttp, type HttpResponse } from '../../../../src/remote/http/http.ts'
import { overHttp, type Request, type Send } from '../../../../src/remote/http/send.ts'
import { withConcurrency } from '../../../../src/remote/http/with-concurrency.ts'
import { serve } from '../../../support/network/http.ts'
import { slotsOf } from '../../../support/scopestack/slots.ts'
import { until } from '../../../support/until.ts'

const never = new AbortController().signal

/** The layer over HTTP to a server that responds when the test says so. */
async function concurrencyLayer(limit: number) {
  const waiting: { path: string; respond: () => void }[] = []
  const paths: string[] = []
  const server = await serve(({ url = '' }, response) => {
    paths.push(url)
    waiting.push({ path: url, respond: () => void response.end('{}') })
  })
  // More connections than places: only the layer limits.
  const http = createHttp({ connections: 20 })
  const send: Send = withConcurrency(slotsOf(limit))(overHttp(http))
  const request = (number: number): Request<HttpResponse> => ({
    method: 'GET',
    url: `${server.url}/${number}`,
    headers: {},
    read: (response) => response,
  })
  return {
    paths,
    send: (number: number, signal = never) => send(request(number), signal).then(({ status }) => status),
    raw: (number: number, read: () => number) => send({ ...request(number), read }, never),
    arrived: (count: number) => until(() => paths.length === count, `request ${count}`),
    respond: () => waiting.shift()!.respond(),
    async [Symbol.asyncDispose]() {
      await http.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

describe('the layer alone', () => {
  it('has at most so many requests in flight, and serves the others in the order of coming', async () => {
    await using layer = await concurrencyLayer(3)
    const all = Array.from({ length: 10 }, (_, number) => layer.send(number))
    for (let sent = 3; sent <= 10; sent++) {
      await layer.arrived(sent)
      expect(layer.paths).toHaveLength(sent)
      layer.respond()
    }
    layer.respond()
    layer.respond()
    await Promise.all(all)
    expect(layer.paths.slice(3)).toEqual(['/3', '/4', '/5', '/6', '/7', '/8', '/9'])
  })

  it('releases a waiting request when its signal fires, and keeps its place for the next', async () => {
    await using layer = await concurrencyLayer(1)
    const stop = new AbortController()
    const first = layer.send(1)
    const second = layer.send(2, stop.signal)
    const third = layer.send(3)
    await layer.arrived(1)
    stop.abort()
    await expect(second).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
    layer.respond()
    await first
    await layer.arrived(2)
    layer.respond()
    expect(await third).toBe(200)
    expect(layer.paths).toEqual(['/1', '/3'])
    await expect(layer.send(4, stop.signal), 'begun after the stop').rejects.toMatchObject({ code: 'SYNC_STOPPED' })
    expect(layer.paths).toHaveLength(2)
  })

  it('gives the place of a request that failed to the next', async () => {
    await using layer = await concurrencyLayer(1)
    const failed = layer.raw(1, () => {
      throw new Error('boom')
    })
    const next = layer.send(2)
    await layer.arrived(1)
    layer.respond()
    await expect(failed).rejects.toThrow('boom')
    await layer.arrived(2)
    layer.respond()
    expect(await next).toBe(200)
  })
})
