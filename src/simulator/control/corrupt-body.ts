/** The regular response with a body that a reader has to survive; faults that do not concern the body change nothing. */
import { gzipSync } from 'node:zlib'
import { httpResponse, type HttpResponse } from '../exchange.ts'
import type { Fault } from './faults.ts'

export function corruptBody(fault: Fault, response: HttpResponse): HttpResponse {
  if (response.length === 0) return response
  const body = Buffer.concat(response.body)
  const withBody = (corrupt: Buffer): HttpResponse => httpResponse(response.status, null, corrupt, response.headers)
  switch (fault.kind) {
    case 'bad-utf8':
      return withBody(withLatin1(body))
    case 'many-nodes': {
      const bytes = fault.afterBytes ?? 31 * 1024 * 1024
      return withBody(withMember(body, `[${'{},'.repeat(Math.ceil(bytes / 3))}{}]`))
    }
    case 'long-number':
      return withBody(withMember(body, '7'.repeat(fault.afterBytes ?? 200_000)))
    case 'gzip-bomb': {
      const bomb = gzipSync(Buffer.alloc(fault.afterBytes ?? 64 * 1024 * 1024, ' '), { level: 1 })
      return httpResponse(response.status, null, bomb, { ...response.headers, 'Content-Encoding': 'gzip' })
    }
    default:
      return response
  }
}

/** A letter of the first attribute, or else of the first string, in Latin-1, which is not UTF-8. */
function withLatin1(body: Buffer): Buffer {
  const from = Math.max(0, body.indexOf('"attributes":{'))
  const at = body.indexOf('":"', from)
  const changed = Buffer.from(body)
  if (at >= 0) changed[at + 3] = 0xe9
  return changed
}

/** One more member at the top of the document. */
const withMember = (body: Buffer, value: string): Buffer =>
  Buffer.concat([Buffer.from(`{"padding":${value},`), body.subarray(body.indexOf('{') + 1)])
