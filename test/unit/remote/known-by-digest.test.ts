/** A body whose text is known by its digest: it is recognized by its bytes, before any text is made of them. */
import { hash } from 'node:crypto'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createClient, type ParseBody } from '../../../src/remote/client.ts'
import { createHttp } from '../../../src/remote/http/http.ts'
import { createRateLimit } from '../../../src/remote/http/rate-limit.ts'
import { createRedactor, redacting } from '../../../src/remote/redact/redact.ts'
import { serve } from '../../support/network/http.ts'

const never = new AbortController().signal
const TOKEN = 'issued-token-0123456789'
const TEXT = '{"data":[{"name":"Grün & Söhne ⟐ 𝄞"}]}'

const digestOf = (text: string): string => hash('sha1', text, 'base64')

/** @param bytes of each response in turn, the last one for ever. */
async function clientFor(bytes: readonly Buffer[], encoding?: string) {
  let sent = 0
  const server = await serve((_, response) => {
    if (encoding !== undefined) response.setHeader('content-encoding', encoding)
    response.end(bytes[Math.min(sent++, bytes.length - 1)])
  })
  const http = redacting(createHttp({ connections: 1 }), createRedactor())
  const client = createClient({
    http,
    tokens: {
      get: async () => ({ accessToken: TOKEN, generation: 1, issuedAt: 0, expiresAt: Infinity }),
      reject: async () => {},
    },
    concurrency: 1,
    rateLimit: createRateLimit({ rate: 0 }),
    policy: { attempts: 1, baseMs: 1, capMs: 1 },
    apiUrl: server.url,
    userAgent: 'x/1',
  })
  return {
    /** @param text that is known; undefined: none. @returns the text that was read, or `known`. */
    get: (text?: string) => {
      const cached = text === undefined ? undefined : { etag: null, digest: digestOf(text), value: 'known' }
      const read: ParseBody<string> = (body, _url, _etag, digest) => {
        expect(digest?.(), 'the digest of what is read').toBe(digestOf(body))
        return body
      }
      return client.get('/list', read, never, { cached })
    },
    async [Symbol.asyncDispose]() {
      await http.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

describe('a body that came before', () => {
  const marked = Buffer.from(`\uFEFF${TEXT}`)
  it.each([
    ['as it is', Buffer.from(TEXT), undefined],
    ['behind a byte order mark', marked, undefined],
    ['compressed with gzip', gzipSync(TEXT), 'gzip'],
    ['compressed with br, behind a byte order mark', brotliCompressSync(marked), 'br'],
  ])('is recognized %s, by the digest of its text', async (_, bytes, encoding) => {
    await using client = await clientFor([bytes], encoding)
    const text = await client.get()
    expect(text).toBe(TEXT)
    expect(await client.get(text)).toBe('known')
  })

  it('is read where one byte is another', async () => {
    const other = TEXT.replace('Söhne', 'Sohne')
    await using client = await clientFor([Buffer.from(other)])
    expect(await client.get(TEXT)).toBe(other)
  })

  it('is read again where it quotes a secret, which is taken out of it each time', async () => {
    await using client = await clientFor([Buffer.from(TEXT.replace('Grün', TOKEN))])
    const text = await client.get()
    expect(text).toBe(TEXT.replace('Grün', '[secret]'))
    expect(await client.get(text)).toBe(text)
  })

  it.each([
    ['that is no UTF-8', Buffer.from(TEXT, 'latin1'), undefined],
    ['that is cut short', gzipSync(TEXT).subarray(0, -9), 'gzip'],
  ])('hides no body %s', async (_, bytes, encoding) => {
    await using client = await clientFor([bytes], encoding)
    await expect(client.get(TEXT)).rejects.toMatchObject({ code: 'SYNC_BODY_UNREADABLE' })
  })
})
