import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { GenericContainer } from 'testcontainers'
import { containerEngine } from './server.ts'

export type RedisServer = { url: string; stop(): Promise<void> }

/** A real Redis: the one that is named, else a container where an engine answers, else a binary, else Debian's package. */
export async function startRedis(): Promise<RedisServer> {
  const named = process.env['TEST_REDIS_URL']
  if (named) return { url: named, stop: async () => {} }
  return (await startContainer()) ?? (await startOwnRedis())
}

/** A process of one's own, to be killed and started again; on a free port unless one is given. */
export async function startOwnRedis({ port, args = [] }: { port?: number; args?: readonly string[] } = {}) {
  const { file, libraries } = await findBinary()
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-redis-'))
  const at = port ?? (await freePort())
  const flags = ['--port', at, '--bind', '127.0.0.1', '--save', '', '--dir', folder, '--databases', DATABASES, ...args]
  const child = spawn(file, flags.map(String), {
    stdio: 'ignore',
    env: { ...process.env, ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }) },
  })
  const die = () => void child.kill('SIGKILL')
  process.once('exit', die)
  const url = `redis://127.0.0.1:${at}`
  const gone = once(child, 'exit')
  await Promise.race([
    answering(url),
    gone.then(() => Promise.reject(new Error(`${file} ended at once (exit code ${child.exitCode})`))),
  ])
  return {
    url,
    port: at,
    async stop() {
      process.removeListener('exit', die)
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
    const container = await new GenericContainer('redis:8')
      .withCommand(['redis-server', '--save', '', '--databases', String(DATABASES)])
      .withExposedPorts(6379)
      .start()
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
    // A server that wants a password answers all the same.
    await redis.ping().catch((error: unknown) => {
      if (!String(error).includes('NOAUTH')) throw error
    })
  } finally {
    redis.disconnect()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

type Binary = { file: string; libraries: string | undefined }

async function findBinary(): Promise<Binary> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of ['redis-server', 'valkey-server']) {
      const file = join(folder, name)
      if (folder !== '' && (await exists(file))) return { file, libraries: undefined }
    }
  }
  const root = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'scopestack-sync', 'redis-debian')
  const kept = await unpackedIn(root)
  if (kept !== undefined) return kept
  try {
    await unpackDebian(root)
  } catch (error) {
    throw new Error(HOW_TO_GET_ONE, { cause: error })
  }
  const unpacked = await unpackedIn(root)
  if (unpacked === undefined) throw new Error(HOW_TO_GET_ONE)
  return unpacked
}

async function unpackedIn(root: string): Promise<Binary | undefined> {
  const file = join(root, 'usr/bin/redis-server')
  if (!(await exists(file))) return undefined
  const [triplet] = (await readdir(join(root, 'usr/lib'))).filter((name) => name.includes('-linux-gnu'))
  return { file, libraries: join(root, 'usr/lib', triplet ?? '') }
}

const run = promisify(execFile)

/** Debian's own package, taken apart rather than installed: no root, no service, nothing left but a folder of 8 MB. */
async function unpackDebian(root: string): Promise<void> {
  // Beside its place: a rename does not cross file systems.
  await mkdir(dirname(root), { recursive: true })
  const folder = await mkdtemp(join(dirname(root), 'apt-'))
  await mkdir(join(folder, 'lists/partial'), { recursive: true })
  await mkdir(join(folder, 'cache/archives/partial'), { recursive: true })
  // Its own lists, since the machine's may be missing, and only root may fetch those.
  const own = [
    '-o',
    `Dir::State::lists=${folder}/lists`,
    '-o',
    `Dir::Cache=${folder}/cache`,
    '-o',
    'APT::Sandbox::User=',
  ]
  const apt = (command: string, args: readonly string[], options: readonly string[]) =>
    run(command, [...options, ...args], { cwd: folder })
  try {
    const known = await apt('apt-cache', ['show', 'redis-server'], []).then(
      ({ stdout }) => stdout !== '',
      () => false,
    )
    const options = known ? ['-o', 'APT::Sandbox::User='] : own
    if (!known) await apt('apt-get', ['update', '-q'], options)
    const { stdout } = await apt('apt-cache', ['depends', '--important', 'redis-server', 'redis-tools'], options)
    const libraries = [...stdout.matchAll(/^\s*\|?Depends: ((?:lib|lua)\S+)$/gm)].map(([, name]) => name!)
    const wanted = new Set(['redis-server', 'redis-tools', ...libraries.filter((name) => name !== 'libc6')])
    await apt('apt-get', ['download', ...wanted], options)
    for (const name of (await readdir(folder)).filter((entry) => entry.endsWith('.deb'))) {
      await run('dpkg-deb', ['-x', name, 'root'], { cwd: folder })
    }
    // At once, so that a run beside this one never sees half of it.
    await rename(join(folder, 'root'), root).catch(async (error: unknown) => {
      if (!(await exists(root))) throw error
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
