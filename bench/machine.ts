/** What a benchmark runs against, each in a process of its own: the simulator and an embedded Postgres. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openDatabase } from '../src/store/connection/database.ts'
import { startEmbeddedPostgres } from '../src/store/embedded/embedded.ts'

const CLI = join(import.meta.dirname, '../src/cli.ts')

export interface Remote {
  readonly url: string
  control(method: string, path: string, body?: unknown): Promise<unknown>
  close(): Promise<void>
}

export async function startRemote(projects: number): Promise<Remote> {
  const child: ChildProcess = spawn(
    process.execPath,
    [CLI, 'simulator', '--port', '0', '--projects', String(projects)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error('the simulator did not start')))
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const found = /answers at (\S+)/.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  return {
    url,
    async control(method, path, body) {
      const response = await fetch(`${url}/_control/${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
      return response.status === 204 ? undefined : await response.json().catch(() => undefined)
    },
    async close() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

export interface Server {
  /** A fresh, empty database. */
  create(name: string): Promise<string>
  close(): Promise<void>
}

export async function startServer(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-bench-'))
  const postgres = await startEmbeddedPostgres({ folder })
  const admin = openDatabase(postgres.url, { connections: 1 })
  return {
    async create(name) {
      await admin.unsafe(`drop database if exists ${name} with (force)`)
      await admin.unsafe(`create database ${name}`)
      const url = new URL(postgres.url)
      url.pathname = `/${name}`
      return url.href
    },
    async close() {
      await admin.end()
      await postgres.stop()
      await rm(postgres.folder, { recursive: true, force: true })
      await rm(folder, { recursive: true, force: true })
    },
  }
}
