/** The Redis of a test run, and Redis servers that a test may stop and start. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { GenericContainer } from 'testcontainers'
import { freePort } from '../network/free-port.ts'
import { containerEngine } from '../postgres/server.ts'
import { environmentOf, findProgram, type Program } from '../process/debian.ts'
import { atExit } from '../run/at-exit.ts'
import { within } from '../run/limit.ts'

export interface RedisServer {
  url: string
  stop(): Promise<void>
}

/** A real Redis: TEST_REDIS_URL, else a container if an engine responds, else a binary, else Debian's package. */
export async function startRedis(): Promise<RedisServer> {
  const named = process.env['TEST_REDIS_URL']
  if (named) return { url: named, stop: async () => {} }
  return (await startContainer()) ?? (await startOwnRedis())
}

/** A server for one test, to be killed and started again; on a free port unless one is given. */
export async function startOwnRedis({ port, args = [] }: { port?: number; args?: readonly string[] } = {}) {
  const program = await findBinary()
  const { file } = program
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-redis-'))
  const at = port ?? (await freePort())
  const flags = ['--port', at, '--bind', '127.0.0.1', '--save', '', '--dir', folder, '--databases', DATABASES, ...args]
  const child = spawn(file, flags.map(String), {
    stdio: 'ignore',
    env: environmentOf(program),
  })
  const die = () => void child.kill('SIGKILL')
  const forget = atExit(die)
  const url = `redis://127.0.0.1:${at}`
  const gone = once(child, 'exit')
  const ended = gone.then(() => Promise.reject(new Error(`${file} ended at once (exit code ${child.exitCode})`)))
  await Promise.race([answering(url), ended]).catch((error: unknown) => {
    die()
    throw error
  })
  return {
    url,
    port: at,
    async stop() {
      forget()
      child.kill('SIGKILL')
      await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}

// --- internal ---

const DATABASES = 1024

const HOW_TO_GET_ONE = `The tests need a Redis, and found none. One of these is enough:
  - TEST_REDIS_URL=redis://host:6379 names a server that may be used (its databases from 1 up are emptied)
  - a container engine (Docker, Podman) that answers
  - a redis-server binary in PATH (apt-get install redis-server, brew install redis)
  - on Debian and Ubuntu: apt-get download reaches a mirror`

async function startContainer(): Promise<RedisServer | undefined> {
  if (!(await containerEngine())) return undefined
  try {
    const starting = new GenericContainer('redis:8')
      .withCommand(['redis-server', '--save', '', '--databases', String(DATABASES)])
      .withExposedPorts(6379)
      .start()
    const container = await within(300, starting, 'The container engine has not started redis:8')
    const url = `redis://${container.getHost()}:${container.getMappedPort(6379)}`
    await answering(url)
    return { url, stop: async () => void (await container.stop()) }
  } catch (error) {
    console.warn(`No Redis from the container engine, a binary is looked for: ${String(error)}`)
    return undefined
  }
}

async function answering(url: string): Promise<void> {
  const redis = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null })
  redis.on('error', () => {})
  try {
    // A server that requires a password responds, too.
    const answer = redis.ping().catch((error: unknown) => {
      if (!String(error).includes('NOAUTH')) throw error
    })
    await within(120, answer, `No Redis answers at ${url}`)
  } finally {
    redis.disconnect()
  }
}

async function findBinary(): Promise<Program> {
  const debian = { packages: ['redis-server', 'redis-tools'], file: 'usr/bin/redis-server', libraries: /^(?:lib|lua)/ }
  try {
    return await findProgram({ names: ['redis-server', 'valkey-server'], debian })
  } catch (error) {
    throw new Error(HOW_TO_GET_ONE, { cause: error })
  }
}
