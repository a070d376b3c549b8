/** A request and a response as the parts of the simulator pass them on: complete bodies, no streams. */
import type { IncomingMessage } from 'node:http'
import { jsonApi, tooLarge } from './errors.ts'

export interface HttpRequest {
  readonly method: string
  readonly path: string
  readonly params: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** in pieces: a page is sent from the buffers that hold its records, without a copy */
  readonly body: readonly Buffer[]
  readonly length: number
}

const limit = 16 * 1024 * 1024

/** Reads a body that is too large to its end, and keeps none of it, so that the refusal can still be sent. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size <= limit) parts.push(part)
    else parts.length = 0
    if (size > limit * 8) break
  }
  if (size > limit) throw tooLarge()
  return Buffer.concat(parts)
}

export const noBody: readonly Buffer[] = []

export function httpResponse(
  status: number,
  type: string | null,
  body: readonly Buffer[] | Buffer | string,
  headers: Record<string, string> = {},
): HttpResponse {
  const parts = typeof body === 'string' ? [Buffer.from(body)] : Buffer.isBuffer(body) ? [body] : body
  let length = 0
  for (const part of parts) length += part.length
  return { status, headers: type === null ? headers : { 'Content-Type': type, ...headers }, body: parts, length }
}

/** A JSON:API document. */
export const documentResponse = (
  status: number,
  body: readonly Buffer[] | Buffer | string,
  headers: Record<string, string> = {},
): HttpResponse => httpResponse(status, jsonApi, body, headers)

export const jsonResponse = (status: number, value: unknown, headers: Record<string, string> = {}): HttpResponse =>
  httpResponse(status, 'application/json; charset=utf-8', JSON.stringify(value), headers)
