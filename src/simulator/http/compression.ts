/** Compresses as a server, or a proxy in front of it, does; `unasked` sends gzip whatever the client accepts. */
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { httpResponse, type HttpResponse } from '../exchange.ts'
import type { Switches } from '../switches.ts'

/** The quickest levels: a test waits for them. */
const encoders: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: (body) => gzipSync(body, { level: 1 }),
  br: (body) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  zstd: (body) => zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
}

export function compressed(
  response: HttpResponse,
  acceptEncoding: string | undefined,
  compression: Switches['compression'],
): HttpResponse {
  if (compression === 'off' || response.length === 0 || 'Content-Encoding' in response.headers) return response
  const name = compression === 'unasked' ? 'gzip' : firstAccepted(acceptEncoding)
  const encode = name === undefined ? undefined : encoders[name]
  if (name === undefined || encode === undefined) return response
  const headers = { ...response.headers, 'Content-Encoding': name, Vary: 'Accept-Encoding' }
  return httpResponse(response.status, null, encode(Buffer.concat(response.body)), headers)
}

const firstAccepted = (acceptEncoding = ''): string | undefined =>
  acceptEncoding
    .split(',')
    .map((entry) => entry.trim().toLowerCase().split(';'))
    .find(([name = '', weight = '']) => name in encoders && weight.trim() !== 'q=0')?.[0]
