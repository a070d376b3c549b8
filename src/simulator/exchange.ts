import type { IncomingMessage } from 'node:http'
import { tooLarge } from './errors.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** in pieces: a page is sent from where its records lie, without being copied together */
  readonly body: readonly Buffer[]
  readonly length: number
}

export interface Call {
  readonly method: string
  readonly path: string
  readonly params: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

const limit = 16 * 1024 * 1024

/** Reads on to the end of a body that is too large, keeping none of it, so that the refusal can still be answered. */
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

export const nothing: readonly Buffer[] = []

export function answer(
  status: number,
  type: string | null,
  body: readonly Buffer[] | Buffer | string,
  headers: Record<string, string> = {},
): Answer {
  const parts = typeof body === 'string' ? [Buffer.from(body)] : Buffer.isBuffer(body) ? [body] : body
  let length = 0
  for (const part of parts) length += part.length
  return { status, headers: type === null ? headers : { 'Content-Type': type, ...headers }, body: parts, length }
}

export const json = (status: number, value: unknown, headers: Record<string, string> = {}): Answer =>
  answer(status, 'application/json; charset=utf-8', JSON.stringify(value), headers)
