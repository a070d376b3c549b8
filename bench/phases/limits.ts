/**
 * The limits. Of reading: the pages that the worker requests, byte by byte the same, with as many in flight and nothing else
 * done; with JSON.parse, and without. Of writing: COPY of the rows that the worker stored.
 */
import { readFileSync } from 'node:fs'
import { finished } from 'node:stream/promises'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, zstdDecompress } from 'node:zlib'
import { catalog } from '../../src/catalog/registry.ts'
import { mapConcurrent } from '../../src/map-concurrent.ts'
import { Agent } from '../../src/remote/http/undici.ts'
import { openDatabase, quote, type Transaction } from '../../src/store/connection/database.ts'
import type { RecordedPages } from './ours.ts'
import type { Opened, PhaseOptions } from './phase.ts'
import { requestToken } from './token.ts'

const decoders: Readonly<Record<string, (bytes: Uint8Array) => Promise<Buffer>>> = {
  gzip: promisify(gunzip),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
}

/** @param parses also decompresses and parses, as plainly as Node does it. */
export async function openReader(
  { pagesFile, inFlight = 8, records = 0 }: PhaseOptions,
  parses: boolean,
): Promise<Opened> {
  const { paths, acceptEncoding } = JSON.parse(readFileSync(pagesFile!, 'utf8')) as RecordedPages
  const origin = process.env['SCOPESTACK_API_URL']!
  const headers = {
    authorization: `Bearer ${await requestToken()}`,
    accept: 'application/vnd.api+json',
    ...(acceptEncoding === null ? {} : { 'accept-encoding': acceptEncoding }),
  }
  const agent = new Agent({ connections: inFlight, pipelining: 1 })
  const read = async (path: string): Promise<void> => {
    const response = await agent.request({ origin, path, method: 'GET', headers })
    if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode}`)
    const encoding = response.headers['content-encoding']
    if (!parses) return void (await response.body.bytes())
    const text =
      encoding === undefined
        ? await response.body.text()
        : (await decoders[String(encoding)]!(await response.body.bytes())).toString()
    JSON.parse(text)
  }
  return {
    async act() {
      await mapConcurrent(paths, inFlight, read)
      return { records }
    },
    close: () => agent.destroy(),
  }
}

interface Part {
  readonly statement: string
  readonly chunks: readonly Buffer[]
  readonly count: number
}

/**
 * The rows of all tables of the database, into empty tables of the same columns and indexes, without triggers. The rows are read
 * before the measurement begins.
 */
export async function openCopy({ types }: PhaseOptions): Promise<Opened> {
  const sql = openDatabase(process.env['DATABASE_URL']!, { connections: 1 })
  await sql`drop schema if exists copied cascade`
  await sql`create schema copied`
  const tables = [...catalog.values()]
    .filter(({ type }) => types?.includes(type) ?? true)
    .map(({ table }) => quote(table))
  const parts: Part[] = []
  for (const table of tables) {
    await sql.unsafe(`create table copied.${table} (like scopestack.${table} including all)`)
    const rows: Buffer[] = []
    for await (const row of await sql.unsafe(`copy scopestack.${table} to stdout`).readable()) rows.push(row as Buffer)
    if (rows.length === 0) continue
    const all = Buffer.concat(rows)
    parts.push({ statement: `copy copied.${table} from stdin`, chunks: inChunks(all), count: linesOf(all) })
  }
  return {
    async act() {
      for (const part of parts) await sql.begin((tx) => copyPart(tx, part))
      return { records: parts.reduce((sum, { count }) => sum + count, 0) }
    },
    async close() {
      await sql`drop schema copied cascade`
      await sql.end()
    },
  }
}

async function copyPart(tx: Transaction, { statement, chunks }: Part): Promise<void> {
  const stream = await tx.unsafe(statement).writable()
  const ended = finished(stream)
  for (const chunk of chunks) await Promise.race([ended, new Promise((resolve) => stream.write(chunk, resolve))])
  stream.end()
  // The driver drops the error of a COPY whose rows are all sent, and leaves the stream open: the statement behind it fails instead.
  await Promise.race([ended, tx`select`.then(() => ended)])
}

/** A message for each row would measure the messages. */
const CHUNK_BYTES = 2 ** 20

const inChunks = (rows: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(rows.length / CHUNK_BYTES) }, (_, index) =>
    rows.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
  )

/** A line end within a value is written as two other characters. */
function linesOf(rows: Buffer): number {
  let count = 0
  for (let at = rows.indexOf(10); at >= 0; at = rows.indexOf(10, at + 1)) count++
  return count
}
