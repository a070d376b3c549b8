/**
 * From the bytes of a body to its text: whatever it was compressed with, asked for or not, and UTF-8 or nothing.
 *
 * node:zlib in one piece rather than undici's `decompress` interceptor: that one is experimental and warns at every start,
 * leaves `deflate` without its header and what it does not know as they are, unpacks no error answers unless told, and
 * ends a zstd body at its first frame. A page of 1 MB costs 2.0 ms of CPU from gzip (66 KB), 1.6 from br (36 KB), 0.9 to
 * 1.8 from zstd (41 KB), nearly all of it off the main thread; parsing and loading it cost five times that.
 */
import { isUtf8 } from 'node:buffer'
import { promisify } from 'node:util'
import { brotliDecompress, constants, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'
import { bodyUnreadable } from '../../errors/requests.ts'
import type { SyncError } from '../../errors/sync-error.ts'

/** What is asked for. Any other that is known is decoded, too, when it comes unasked. */
export const ACCEPT_ENCODING = 'gzip, br, zstd'

interface Given {
  readonly url: string
  readonly status: number
  readonly encoding: string | string[] | undefined
  /** Of the text, and of every step on the way to it: a bomb ends there, with no more memory than that. */
  readonly maxBytes: number
}

/** @throws SyncError SYNC_BODY_UNREADABLE of a success. A failure says enough with its status: what comes with it stays as it came. */
export async function decodeBody(bytes: Buffer, { url, status, encoding, maxBytes }: Given): Promise<string> {
  const succeeded = status >= 200 && status < 300
  const names = namesOf(encoding)
  let plain = bytes
  // What has no body has no encoding either, whatever its headers say (304, an empty 200).
  if (bytes.length > 0 && names.length > 0) {
    try {
      plain = await unpacked(bytes, names, { url, maxBytes })
    } catch (error) {
      if (succeeded) throw error
    }
  }
  if (succeeded && !isUtf8(plain)) {
    throw bodyUnreadable({ url, problem: 'its bytes are not UTF-8, so some letters cannot be told', encoding: true })
  }
  return plain.toString('utf8', startsWithMark(plain) ? 3 : 0)
}

const startsWithMark = (bytes: Buffer): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

/** In the order in which they were put on. */
function namesOf(encoding: Given['encoding']): string[] {
  const all = Array.isArray(encoding) ? encoding.join(',') : (encoding ?? '')
  const names = all.split(',').map((name) => name.trim().toLowerCase())
  return names.filter((name) => name !== '' && name !== 'identity')
}

/** Nobody packs more often; each layer may cost the whole limit once more. */
const MOST_LAYERS = 5

async function unpacked(
  bytes: Buffer,
  names: readonly string[],
  { url, maxBytes }: { url: string; maxBytes: number },
): Promise<Buffer> {
  const unknown = names.find((name) => !UNPACK.has(name))
  if (unknown !== undefined || names.length > MOST_LAYERS) {
    const problem = `it is compressed with ${JSON.stringify(unknown?.slice(0, 40) ?? names.slice(0, 10).join(', '))}, which is not known here`
    throw bodyUnreadable({ url, problem, encoding: true })
  }
  let inner = bytes
  for (const name of names.toReversed()) {
    try {
      inner = await UNPACK.get(name)!(inner, maxBytes)
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

type Unpack = (bytes: Buffer, maxBytes: number) => Promise<Buffer>
type Method = (bytes: Buffer, options: object) => Promise<unknown>
interface Unpacked {
  readonly buffer: Buffer
  /** `bytesWritten`: of the input, as far as it was understood. */
  readonly engine: { readonly bytesWritten: number }
}

/** In pieces of the default 16 KB a page costs twice the CPU. */
const LARGEST_PIECE = 256 * 1024
const SMALLEST_PIECE = 16 * 1024

/** What stands behind the end of the data is more of it in a format that allows for that, and no fit end in another. */
const by =
  (method: Method, { frames = 1, ...options }: { frames?: number; params?: Record<number, number> } = {}): Unpack =>
  async (bytes, maxBytes) => {
    const parts: Buffer[] = []
    const chunkSize = Math.min(LARGEST_PIECE, Math.max(SMALLEST_PIECE, bytes.length * 8))
    let size = 0
    let rest = bytes
    for (let frame = 0; rest.length > 0; frame++) {
      if (frame === frames) throw new Error('something stands behind its end')
      // One byte at least: zlib takes no limit of 0.
      const maxOutputLength = Math.max(1, maxBytes - size)
      const part = (await method(rest, { ...options, chunkSize, maxOutputLength, info: true })) as Unpacked
      parts.push(part.buffer)
      size += part.buffer.length
      rest = rest.subarray(part.engine.bytesWritten)
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

const fromGzip = by(promisify(gunzip))
const fromZlib = by(promisify(inflate))
const fromRawDeflate = by(promisify(inflateRaw))

/** RFC 9110 §8.4.1.2 means the zlib format; servers have sent bare deflate under the same name for as long. */
const fromDeflate: Unpack = (bytes, maxBytes) => {
  const [method = 0, flags = 0] = bytes
  const isZlib = (method & 0x0f) === 8 && ((method << 8) | flags) % 31 === 0
  return (isZlib ? fromZlib : fromRawDeflate)(bytes, maxBytes)
}

/** RFC 9659 §3: no window above 8 MB is to be sent, so none is made room for. A server that flushes may send many frames. */
const fromZstd = by(promisify(zstdDecompress), {
  frames: 1_000,
  params: { [constants.ZSTD_d_windowLogMax]: 23 },
})

const UNPACK: ReadonlyMap<string, Unpack> = new Map([
  ['gzip', fromGzip],
  ['x-gzip', fromGzip],
  ['deflate', fromDeflate],
  ['br', by(promisify(brotliDecompress))],
  ['zstd', fromZstd],
])
