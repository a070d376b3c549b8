import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createHttp, type HttpOptions } from '../../../src/remote/http/http.ts'
import { serve } from '../../support/network/http.ts'

const never = new AbortController().signal

async function get(url: string, options: Partial<HttpOptions> = {}, signal: AbortSignal = never) {
  const http = createHttp({ connections: 1, ...options })
  try {
    return await http.send({ method: 'GET', url, headers: {} }, signal)
  } finally {
    await http.close()
  }
}

describe('one exchange', () => {
  it('has status, headers and the whole body', async () => {
    await using server = await serve((request, response) => {
      response.writeHead(418, { 'x-path': request.url })
      response.write('caf')
      response.end('é')
    })
    const { status, headers, body } = await get(`${server.url}/a?b=c%5B1%5D`)
    expect([status, headers['x-path'], body]).toEqual([418, '/a?b=c%5B1%5D', 'café'])
  })

  it('is to be retried when no server listens', async () => {
    await expect(get('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'SYNC_REMOTE_UNREACHABLE', remedy: 'retry' })
  })

  it('is to be retried when the connection ends in the middle of a body', async () => {
    await using server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{"data":[', () => response.destroy())
    })
    await expect(get(server.url)).rejects.toMatchObject({ code: 'SYNC_REMOTE_UNREACHABLE', remedy: 'retry' })
  })

  it('is to be retried when a chunked body ends without its last chunk', async () => {
    await using server = await serve((_, response) => {
      response.writeHead(200)
      response.write('{"data":[]}', () => response.destroy())
    })
    await expect(get(server.url)).rejects.toMatchObject({ remedy: 'retry' })
  })

  it('does not wait for ever for a response', async () => {
    await using server = await serve(() => {})
    await expect(get(server.url, { headersMs: 50 })).rejects.toMatchObject({
      code: 'SYNC_REMOTE_TIMEOUT',
      facts: { phase: 'waiting for the response' },
    })
  })

  it('does not wait for ever for the rest of a body', async () => {
    await using server = await serve((_, response) => {
      response.writeHead(200)
      response.write('{')
    })
    await expect(get(server.url, { bodyMs: 50 })).rejects.toMatchObject({
      code: 'SYNC_REMOTE_TIMEOUT',
      facts: { phase: 'reading the body' },
    })
  })

  it('does not wait for ever for a body, or for headers, that come byte by byte', async () => {
    const body = (response: ServerResponse) => void response.write('x')
    const begun = new WeakSet<ServerResponse>()
    const head = (response: ServerResponse) => {
      response.socket?.write(begun.has(response) ? 'x' : 'HTTP/1.1 200 OK\r\nX: ')
      begun.add(response)
    }
    for (const more of [body, head]) {
      await using server = await serve((_, response) => {
        const timer = setInterval(more, 5, response)
        response.on('close', () => clearInterval(timer))
      })
      // Never silent for long: none of the other limits is met.
      await expect(get(server.url, { wholeMs: 100 })).rejects.toMatchObject({
        code: 'SYNC_REMOTE_TIMEOUT',
        remedy: 'retry',
        facts: { phase: 'reading the response to its end' },
      })
    }
  })

  it('does not take a proxy that is silent for a ScopeStack that is slow', async () => {
    const silent = createServer((socket) => void socket.on('error', () => {})).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const proxy = { url: `http://127.0.0.1:${port}`, except: [] }
    await expect(get('https://api.example/v1/me', { proxy, connectMs: 50 })).rejects.toMatchObject({
      code: 'SYNC_PROXY_UNREACHABLE',
      facts: { taken: false },
      message: expect.stringContaining('did not respond to CONNECT within 0.05 s.'),
    })
    silent.close()
  })

  it('refuses a body past the limit', async () => {
    await using server = await serve((_, response) => response.end('x'.repeat(100_000)))
    await expect(get(server.url, { maxBodyBytes: 50_000 })).rejects.toMatchObject({
      code: 'SYNC_BODY_UNREADABLE',
      message: expect.stringContaining('larger than 50000 bytes'),
    })
  })

  it('ends at once when the signal fires', async () => {
    const stop = new AbortController()
    await using server = await serve(() => stop.abort())
    await expect(get(server.url, {}, stop.signal)).rejects.toMatchObject({ code: 'SYNC_STOPPED' })
  })
})
