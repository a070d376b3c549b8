import { hash } from 'node:crypto'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createClient, type ParseBody } from '../../../src/remote/client.ts'
import { createHttp } from '../../../src/remote/http/http.ts'
import { createRateLimit } from '../../../src/remote/http/rate-limit.ts'
import { createRedactor, redacting } from '../../../src/remote/redact/redact.ts'
import { serve } from '../../support/network/http.ts'

const never = new AbortController().signal
const MAX_BYTES = 1_000_000

/** The text of one response with these bytes and headers. */
async function textOf(bytes: Buffer, encoding: string | string[] = [], status = 200): Promise<string> {
  await using server = await serve((_, response) => {
    if (encoding.length > 0) response.setHeader('content-encoding', encoding)
    response.writeHead(status).end(bytes)
  })
  const http = createHttp({ connections: 1, maxBodyBytes: MAX_BYTES })
  try {
    return (await http.send({ method: 'GET', url: server.url, headers: {} }, never)).body
  } finally {
    await http.close()
  }
}

const TEXT = '{"data":[{"name":"Grün & Söhne ⟐"}]}'
const plain = Buffer.from(TEXT)
const twice = (name: 'gzip' | 'br') => (name === 'gzip' ? gzipSync : brotliCompressSync)(gzipSync(plain))
const half = (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)

describe('a body', () => {
  it.each([
    ['nothing', undefined, plain],
    ['gzip', 'gzip', gzipSync(plain)],
    ['gzip of two members', 'gzip', Buffer.concat([gzipSync(plain.subarray(0, 9)), gzipSync(plain.subarray(9))])],
    ['gzip by its old name', 'x-gzip', gzipSync(plain)],
    ['deflate', 'deflate', deflateSync(plain)],
    ['deflate without its header', 'deflate', deflateRawSync(plain)],
    ['br', 'br', brotliCompressSync(plain)],
    ['zstd', 'zstd', zstdCompressSync(plain)],
    [
      'zstd of two frames',
      'zstd',
      Buffer.concat([zstdCompressSync(plain.subarray(0, 9)), zstdCompressSync(plain.subarray(9))]),
    ],
    ['capital letters', 'GZip', gzipSync(plain)],
    ['identity', 'identity', plain],
    ['identity and gzip', ' identity , gzip,', gzipSync(plain)],
    ['gzip twice', 'gzip, gzip', twice('gzip')],
    ['gzip, then br', 'gzip, br', twice('br')],
    ['gzip, then br, in two headers', ['gzip', 'br'], twice('br')],
  ])('compressed with %s is read', async (_, encoding, bytes) => {
    expect(await textOf(bytes, encoding)).toBe(TEXT)
  })

  it('is requested with the encodings that are accepted', async () => {
    let accepted: unknown
    await using server = await serve((request, response) => {
      accepted = request.headers['accept-encoding']
      response.end()
    })
    const http = createHttp({ connections: 1 })
    await http.send({ method: 'GET', url: server.url, headers: {} }, never)
    await http.close()
    expect(accepted).toBe('gzip, br, zstd')
  })

  it.each([204, 304, 200])('that is empty is not decompressed (%i)', async (status) => {
    expect(await textOf(Buffer.alloc(0), 'gzip', status)).toBe('')
  })

  it.each([
    ['gzip', gzipSync(plain)],
    ['deflate', deflateSync(plain)],
    ['deflate', deflateRawSync(plain)],
    ['br', brotliCompressSync(plain)],
    ['zstd', zstdCompressSync(plain)],
  ])('of %s that is cut short or damaged is to be retried', async (encoding, bytes) => {
    const broken = { code: 'SYNC_BODY_UNREADABLE', remedy: 'retry', message: expect.stringContaining(encoding) }
    await expect(textOf(half(bytes), encoding)).rejects.toMatchObject(broken)
    await expect(textOf(Buffer.from(`<html>${TEXT}`), encoding)).rejects.toMatchObject(broken)
    await expect(textOf(half(bytes), encoding)).rejects.toMatchObject({
      facts: expect.not.objectContaining({ encoding: true }),
    })
  })

  it.each(['compress', 'aes128gcm', 'gzip, nonsense', Array(6).fill('gzip').join(', ')])(
    'packed with %s is refused by its name, and would be again',
    async (encoding) => {
      await expect(textOf(plain, encoding)).rejects.toMatchObject({
        code: 'SYNC_BODY_UNREADABLE',
        message: expect.stringContaining(encoding.split(', ').at(-1)!),
        facts: { encoding: true },
      })
    },
  )

  it.each([
    ['gzip', (bytes: Buffer) => gzipSync(bytes)],
    ['deflate', (bytes: Buffer) => deflateSync(bytes)],
    ['br', (bytes: Buffer) => brotliCompressSync(bytes)],
    ['zstd', (bytes: Buffer) => zstdCompressSync(bytes)],
    ['gzip, gzip', (bytes: Buffer) => gzipSync(gzipSync(bytes))],
  ])('of %s that becomes larger than the limit ends there', async (encoding, pack) => {
    expect(await textOf(pack(Buffer.alloc(MAX_BYTES, ' ')), encoding)).toHaveLength(MAX_BYTES)
    await expect(textOf(pack(Buffer.alloc(50 * MAX_BYTES)), encoding)).rejects.toMatchObject({
      code: 'SYNC_BODY_UNREADABLE',
      message: expect.stringContaining('larger than 1000000 bytes'),
      facts: { tooLarge: true },
    })
  })

  it('of many small frames ends at the limit, too', async () => {
    const frame = zstdCompressSync(Buffer.alloc(MAX_BYTES / 10))
    await expect(textOf(Buffer.concat(Array(11).fill(frame)), 'zstd')).rejects.toMatchObject({
      facts: { tooLarge: true },
    })
  })

  it.each([
    ['Latin-1', Buffer.from('{"name":"Grün"}', 'latin1')],
    ['a letter cut in two', Buffer.concat([plain.subarray(0, -5), Buffer.from('"}]}')])],
    ['half a surrogate pair', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['an overlong form', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
  ])('that is no UTF-8 is refused, and would be again: %s', async (_, bytes) => {
    const refusal = {
      code: 'SYNC_BODY_UNREADABLE',
      message: expect.stringContaining('not UTF-8'),
      facts: { encoding: true },
    }
    await expect(textOf(bytes)).rejects.toMatchObject(refusal)
    await expect(textOf(gzipSync(bytes), 'gzip')).rejects.toMatchObject(refusal)
  })

  it('may begin with a byte order mark', async () => {
    expect(await textOf(Buffer.from(`\uFEFF${TEXT}`))).toBe(TEXT)
  })

  it('of a failure never hides its status, whatever it is compressed with', async () => {
    const page = Buffer.from('<h1>Accès refusé</h1>', 'latin1')
    expect(await textOf(page, undefined, 403)).toContain('refus')
    expect(await textOf(page, 'gzip', 502)).toContain('refus')
    expect(await textOf(page, 'unknown', 503)).toContain('refus')
    expect(await textOf(gzipSync('{"errors":[]}'), 'gzip', 422)).toBe('{"errors":[]}')
  })
})

const TOKEN = 'issued-token-0123456789'
const LETTERS = '{"data":[{"name":"Grün & Söhne ⟐ 𝄞"}]}'

const digestOf = (text: string): string => hash('sha1', text, 'base64')

/** @param bytes of each response in turn, the last one for ever. */
async function clientOf(bytes: readonly Buffer[], encoding?: string) {
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
  const marked = Buffer.from(`\uFEFF${LETTERS}`)
  it.each([
    ['as it is', Buffer.from(LETTERS), undefined],
    ['behind a byte order mark', marked, undefined],
    ['compressed with gzip', gzipSync(LETTERS), 'gzip'],
    ['compressed with br, behind a byte order mark', brotliCompressSync(marked), 'br'],
  ])('is recognized %s, by the digest of its text', async (_, bytes, encoding) => {
    await using client = await clientOf([bytes], encoding)
    const text = await client.get()
    expect(text).toBe(LETTERS)
    expect(await client.get(text)).toBe('known')
  })

  it('is read where one byte is another', async () => {
    const other = LETTERS.replace('Söhne', 'Sohne')
    await using client = await clientOf([Buffer.from(other)])
    expect(await client.get(LETTERS)).toBe(other)
  })

  it('is read again where it quotes a secret, which is taken out of it each time', async () => {
    await using client = await clientOf([Buffer.from(LETTERS.replace('Grün', TOKEN))])
    const text = await client.get()
    expect(text).toBe(LETTERS.replace('Grün', '[secret]'))
    expect(await client.get(text)).toBe(text)
  })

  it.each([
    ['that is no UTF-8', Buffer.from(LETTERS, 'latin1'), undefined],
    ['that is cut short', gzipSync(LETTERS).subarray(0, -9), 'gzip'],
  ])('hides no body %s', async (_, bytes, encoding) => {
    await using client = await clientOf([bytes], encoding)
    await expect(client.get(LETTERS)).rejects.toMatchObject({ code: 'SYNC_BODY_UNREADABLE' })
  })
})
