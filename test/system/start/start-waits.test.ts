/** A database that comes up after `start`: the process is alive meanwhile, and ready afterwards. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { startOwnRedis } from '../../support/redis/redis-server.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { until } from '../../support/until.ts'
import { ended, KINDS, openUnattended } from '../support/unattended.ts'

test.concurrent.each(KINDS)(
  'a database that is down at start: alive, not ready, and running as soon as it is up (%s)',
  async (kind) => {
    await using setting = await openUnattended(kind)
    const real = new URL(setting.databaseUrl)
    const door = createServer((socket) => {
      const server = connect(Number(real.port || 5432), real.hostname)
      for (const end of [socket, server]) end.on('error', () => {})
      socket.pipe(server).pipe(socket)
    })
    // A port that was released a moment ago: no server listens there.
    door.listen(0, '127.0.0.1')
    await once(door, 'listening')
    const { port } = door.address() as AddressInfo
    await new Promise((resolve) => door.close(resolve))
    const away = new URL(real)
    away.host = `127.0.0.1:${port}`

    const { log } = setting.start({ DATABASE_URL: away.href })
    const url = await until(() => log().find((line) => line['url'] !== undefined)?.['url'] as string, 'its address')
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    const answer = await until(async () => {
      const response = await fetch(`${url}/readyz`)
      const body = (await response.json()) as Record<string, string>
      return body['started']?.startsWith('waiting') ? { ...body, code: response.status } : undefined
    }, 'it to say what it waits for')
    expect(answer).toMatchObject({ code: 503, started: expect.stringContaining('waiting for the database') as string })
    expect((await fetch(`${url}/healthz`)).status).toBe(200)

    door.listen(port, '127.0.0.1')
    await until(async () => (await fetch(`${url}/readyz`)).ok, 'it to be ready')
    await ended(setting)
    expect(log().filter(({ msg }) => String(msg).includes('Trying again until it responds'))).toHaveLength(1)
    door.close()
  },
)

test.concurrent('start also waits for a Redis that is down', async () => {
  await using setting = await openUnattended('postgres')
  const before = await startOwnRedis()
  await before.stop()
  const { log } = setting.start({ REDIS_URL: before.url })
  const url = await until(() => log().find((line) => line['url'] !== undefined)?.['url'] as string, 'its address')
  await until(async () => {
    const body = (await (await fetch(`${url}/readyz`)).json()) as Record<string, string>
    return body['started']?.startsWith('waiting for Redis')
  }, 'it to say what it waits for')
  const redis = await startOwnRedis({ port: before.port, args: ['--maxmemory-policy', 'noeviction'] })
  onTestFinished(() => redis.stop())
  await until(async () => (await fetch(`${url}/readyz`)).ok, 'it to be ready')
  await ended(setting)
})
