/**
 * Decodes the bytes of a body: any known compression, requested or not, and UTF-8 only.
 *
 * node:zlib in one piece rather than undici's `decompress` interceptor: that one is experimental and warns at every start,
 * leaves raw `deflate` and unknown encodings undecoded, by default decodes no error responses, and ends a zstd body at its
 * first frame. A page of 1 MB costs 2.0 ms of CPU from gzip (66 KB), 1.6 from br (36 KB), 0.9 to
 * 1.8 from zstd (41 KB), nearly all of it off the main thread; parsing and loading it cost five times that.
 */
import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliDecompress, constants, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'
import { bodyUnreadable } from '../../errors/requests.ts'
import type { SyncError } from '../../errors/sync-error.ts'

/** The encodings that are requested. Any other known one is decoded, too. */
export const ACCEPT_ENCODING = 'gzip, br, zstd'

interface Received {
  readonly url: string
  readonly status: number
  readonly encoding: string | string[] | undefined
  /** Limit of the text and of every step on the way to it, so that a decompression bomb takes no more memory. */
  readonly maxBytes: number
}

/**
 * A body whose bytes are here, and whose text is made when it is first read: a page that is known by its digest needs none. Of a
 * page of 0.8 MB the text costs 0.6 ms, with letters beyond ASCII 2.9, and the search for our secrets in it 0.7.
 */
export interface Body {
  /** Decompressed. */
  readonly length: number
  /** SHA-1 of the text in UTF-8, in base64. */
  digest(): string
  text(): string
}

/** @throws SyncError SYNC_BODY_UNREADABLE of a 2xx. Of any other response the status is enough: a body that cannot be decoded stays as it came. */
export async function decodeBody(bytes: Buffer, { url, status, encoding, maxBytes }: Received): Promise<Body> {
  const succeeded = status >= 200 && status < 300
  const names = namesOf(encoding)
  let plain = bytes
  // An empty body has no encoding, even if the headers name one (304, an empty 200).
  if (bytes.length > 0 && names.length > 0) {
    try {
      plain = await decompress(bytes, names, { url, maxBytes })
    } catch (error) {
      if (succeeded) throw error
    }
  }
  if (succeeded && !isUtf8(plain)) {
    throw bodyUnreadable({ url, problem: 'its bytes are not UTF-8, so some letters cannot be read', encoding: true })
  }
  // Without its mark, valid UTF-8 and its text have the same bytes, and so one digest.
  const content = startsWithMark(plain) ? plain.subarray(3) : plain
  let text: string | undefined
  let digest: string | undefined
  return {
    length: content.length,
    digest: () => (digest ??= hash('sha1', content, 'base64')),
    text: () => (text ??= content.toString('utf8')),
  }
}

const startsWithMark = (bytes: Buffer): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

/** In the order in which they were applied. */
function namesOf(encoding: Received['encoding']): string[] {
  const all = Array.isArray(encoding) ? encoding.join(',') : (encoding ?? '')
  const names = all.split(',').map((name) => name.trim().toLowerCase())
  return names.filter((name) => name !== '' && name !== 'identity')
}

/** No server applies more; each layer may take the limit in memory once more. */
const MOST_LAYERS = 5

async function decompress(
  bytes: Buffer,
  names: readonly string[],
  { url, maxBytes }: { url: string; maxBytes: number },
): Promise<Buffer> {
  const unknown = names.find((name) => !DECOMPRESS.has(name))
  if (unknown !== undefined || names.length > MOST_LAYERS) {
    const problem = `it is compressed with ${JSON.stringify(unknown?.slice(0, 40) ?? names.slice(0, 10).join(', '))}, which is not supported`
    throw bodyUnreadable({ url, problem, encoding: true })
  }
  let inner = bytes
  for (const name of names.toReversed()) {
    try {
      inner = await DECOMPRESS.get(name)!(inner, maxBytes)
    } catch (error) {
      throw damaged(error, { url, name, maxBytes })
    }
  }
  return inner
}

function damaged(error: unknown, { url, name, maxBytes }: { url: string; name: string; maxBytes: number }): SyncError {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
    return bodyUnreadable({ url, problem: `it becomes larger than ${maxBytes} bytes`, tooLarge: true }, error)
  }
  return bodyUnreadable({ url, problem: `its ${name} data is cut short or damaged` }, error)
}

type Decompress = (bytes: Buffer, maxBytes: number) => Promise<Buffer>
type Method = (bytes: Buffer, options: object) => Promise<unknown>
interface Decompressed {
  readonly buffer: Buffer
  /** `bytesWritten`: how much of the input was consumed. */
  readonly engine: { readonly bytesWritten: number }
}

/** Chunks of the output: with the default 16 KB a page costs twice the CPU. */
const LARGEST_CHUNK = 256 * 1024
const SMALLEST_CHUNK = 16 * 1024

/** Bytes behind the end of the data are another frame, in a format that allows several, and an error in any other. */
const decompressor =
  (method: Method, { frames = 1, ...options }: { frames?: number; params?: Record<number, number> } = {}): Decompress =>
  async (bytes, maxBytes) => {
    const parts: Buffer[] = []
    const chunkSize = Math.min(LARGEST_CHUNK, Math.max(SMALLEST_CHUNK, bytes.length * 8))
    let size = 0
    let rest = bytes
    for (let frame = 0; rest.length > 0; frame++) {
      if (frame === frames) throw new Error('there are bytes behind its end')
      // One byte at least: zlib takes no limit of 0.
      const maxOutputLength = Math.max(1, maxBytes - size)
      const part = (await method(rest, { ...options, chunkSize, maxOutputLength, info: true })) as Decompressed
      parts.push(part.buffer)
      size += part.buffer.length
      rest = rest.subarray(part.engine.bytesWritten)
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

const fromGzip = decompressor(promisify(gunzip))
const fromZlib = decompressor(promisify(inflate))
const fromRawDeflate = decompressor(promisify(inflateRaw))

/** RFC 9110 §8.4.1.2 means the zlib format; some servers send raw deflate under the same name. */
const fromDeflate: Decompress = (bytes, maxBytes) => {
  const [method = 0, flags = 0] = bytes
  const isZlib = (method & 0x0f) === 8 && ((method << 8) | flags) % 31 === 0
  return (isZlib ? fromZlib : fromRawDeflate)(bytes, maxBytes)
}

/** RFC 9659 §3 forbids windows above 8 MB. A server that flushes may send many frames. */
const fromZstd = decompressor(promisify(zstdDecompress), {
  frames: 1_000,
  params: { [constants.ZSTD_d_windowLogMax]: 23 },
})

const DECOMPRESS: ReadonlyMap<string, Decompress> = new Map([
  ['gzip', fromGzip],
  ['x-gzip', fromGzip],
  ['deflate', fromDeflate],
  ['br', decompressor(promisify(brotliDecompress))],
  ['zstd', fromZstd],
])
