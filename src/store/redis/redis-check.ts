/** Whether a Redis can be trusted with a queue. */
import { Redis } from 'ioredis'
import { redisUnfit } from '../../errors/redis.ts'
import { explainRedis, redisAddress } from './redis.ts'

/** BullMQ's scripts need commands of this version. */
const OLDEST = [6, 2] as const

const PATIENCE_MS = 5_000

/**
 * Waits for a server that loads its data, as long as it says how long that takes. A replica may be in the middle of a
 * switch-over: the caller checks again.
 *
 * @throws SyncError SYNC_REDIS_UNFIT with the remedy, or the error that kept it from responding.
 */
export async function checkRedis(url: string): Promise<void> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: PATIENCE_MS,
    socketTimeout: PATIENCE_MS,
    maxRetriesPerRequest: 1,
  })
  let fault: unknown
  redis.on('error', (error: unknown) => (fault = error))
  try {
    const facts = readInfo(await redis.info())
    const problem = findRedisProblem(facts)
    if (problem !== null) throw redisUnfit({ where: redisAddress(url), ...problem })
  } catch (error) {
    throw explainRedis(error, fault, url)
  } finally {
    redis.disconnect()
  }
}

export interface RedisFacts {
  readonly version: string
  readonly policy: string
  readonly role: string
}

/** From `INFO`, which managed services allow where they forbid CONFIG. */
export function readInfo(info: string): RedisFacts {
  const value = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  return { version: value('redis_version'), policy: value('maxmemory_policy'), role: value('role') }
}

interface Problem {
  readonly problem: string
  readonly remedy: string
  /** It may change in a moment. */
  readonly passing?: true
}

export function findRedisProblem({ version, policy, role }: RedisFacts): Problem | null {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    const needed = OLDEST.join('.')
    return { problem: `it is version ${version}, and ${needed} is needed`, remedy: `Upgrade it to ${needed} or later` }
  }
  if (role === 'slave') {
    return {
      problem: 'it is a replica, which serves reads and takes no jobs',
      remedy: 'Name the primary in REDIS_URL, or an address that follows it',
      passing: true,
    }
  }
  // Not every service reports it.
  if (policy === '' || policy === 'noeviction') return null
  return {
    problem: `its maxmemory-policy is ${policy}, so it may throw jobs away when memory is short`,
    remedy: 'Set maxmemory-policy to noeviction (redis.conf, or the parameter group of a managed service)',
  }
}
