/** The product: a pull and a push, put together as its commands do it. */
import { channel } from 'node:diagnostics_channel'
import { writeFileSync } from 'node:fs'
import { openPusher, openWorker, type Worker } from '../../src/assemble/worker.ts'
import { readConfig, type Config } from '../../src/config/config.ts'
import { openDatabase } from '../../src/store/connection/database.ts'
import { supportsIncremental } from '../../src/sync/incremental/can-read.ts'
import { push } from '../../src/sync/push/push.ts'
import { pull } from '../../src/sync/run/run.ts'
import type { Opened, PhaseOptions } from './phase.ts'

const never = new AbortController().signal

async function open(): Promise<{ config: Config; worker: Worker; close(this: void): Promise<void> }> {
  const config = readConfig({ credentials: true })
  const url = config.databaseUrl!
  const sql = openDatabase(url)
  const worker = await openWorker(config, { url, sql, embedded: undefined, close: async () => {} }, never, () => {})
  return {
    config,
    worker,
    async close() {
      await worker.close()
      await sql.end()
    },
  }
}

export async function openPull({ types, changesOnly = false }: PhaseOptions): Promise<Opened> {
  const { worker, close } = await open()
  const all = [...worker.catalog.values()].filter((one) => types?.includes(one.type) ?? one.byDefault)
  const resources = all.filter((one) => !changesOnly || supportsIncremental(one))
  return {
    async act() {
      const how = { resources, changesOnly, restart: true, signal: never, onEvent: () => {} }
      const { outcomes } = await pull(worker, how)
      const failed = outcomes.filter(({ outcome }) => outcome !== 'ok' && outcome !== 'absent')
      if (failed.length > 0) throw new Error(`not ok: ${JSON.stringify(failed)}`)
      return { records: outcomes.reduce((sum, { seen }) => sum + seen, 0), more: { resources: resources.length } }
    },
    close,
  }
}

/** Addresses of the pages that a pull was sent, in their order. */
export interface RecordedPages {
  readonly paths: readonly string[]
  readonly acceptEncoding: string | null
}

interface UndiciRequest {
  readonly method: string
  readonly path: string
  readonly headers: readonly string[] | string
}

/** A pull that notes what it requests, whatever that is: the limits read the same. */
export async function openRecording(options: PhaseOptions): Promise<Opened> {
  const opened = await openPull(options)
  const paths: string[] = []
  let acceptEncoding: string | null = null
  channel('undici:request:headers').subscribe((message) => {
    const { request, response } = message as { request: UndiciRequest; response: { statusCode: number } }
    if (request.method !== 'GET' || response.statusCode !== 200) return
    paths.push(request.path)
    const flat = [request.headers].flat().join('\r\n')
    acceptEncoding ??= /accept-encoding(?:: |\r\n)([^\r\n]+)/i.exec(flat)?.[1] ?? null
  })
  return {
    ...opened,
    async act() {
      const result = await opened.act()
      writeFileSync(options.pagesFile!, JSON.stringify({ paths, acceptEncoding } satisfies RecordedPages))
      return result
    },
  }
}

/** Sends all local edits, and measures how long a write comes after the read that checks its record. */
export async function openPush(): Promise<Opened> {
  const { worker, config, close } = await open()
  const windows: number[] = []
  let checkedAt = 0
  const client: typeof worker.client = {
    ...worker.client,
    async get(...args) {
      const response = await worker.client.get(...args)
      checkedAt = performance.now()
      return response
    },
    write(...args) {
      windows.push(performance.now() - checkedAt)
      return worker.client.write(...args)
    },
  }
  return {
    async act() {
      let edits = 0
      const deps = { ...openPusher(worker, config), client }
      await push(deps, { signal: never, onResult: () => void edits++ })
      const sum = windows.reduce((all, one) => all + one, 0)
      const more = { windowMs: sum / Math.max(1, windows.length), longestWindowMs: Math.max(0, ...windows) }
      return { records: edits, more }
    },
    close,
  }
}
