import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { answer, type Answer } from '../exchange.ts'
import type { Switches } from '../switches.ts'

/** The quickest levels: a test waits for them. */
const packers: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: (body) => gzipSync(body, { level: 1 }),
  br: (body) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  zstd: (body) => zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
}

/** What a server, or a proxy before it, makes of an answer; `unasked` packs whatever the reader said it takes. */
export function packed(given: Answer, accepted: string | undefined, compression: Switches['compression']): Answer {
  if (compression === 'off' || given.length === 0) return given
  const name = compression === 'unasked' ? 'gzip' : firstOf(accepted)
  const pack = name === undefined ? undefined : packers[name]
  if (name === undefined || pack === undefined) return given
  const headers = { ...given.headers, 'Content-Encoding': name, Vary: 'Accept-Encoding' }
  return answer(given.status, null, pack(Buffer.concat(given.body)), headers)
}

const firstOf = (accepted = ''): string | undefined =>
  accepted
    .split(',')
    .map((entry) => entry.trim().toLowerCase().split(';'))
    .find(([name = '', weight = '']) => name in packers && weight.trim() !== 'q=0')?.[0]
