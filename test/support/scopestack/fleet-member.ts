/** One worker process of a fleet: so many callers that request `/v1/me` repeatedly, with one token store. */
import { createInterface } from 'node:readline'
import { reason } from '../../../src/errors/sync-error.ts'
import { fetchAccount } from '../../../src/remote/account.ts'
import { createSeal, type Credentials } from '../../../src/remote/auth/seal.ts'
import { createTokenSource } from '../../../src/remote/auth/token-request.ts'
import { createTokens, type Tokens } from '../../../src/remote/auth/tokens.ts'
import { createClient } from '../../../src/remote/client.ts'
import { createHttp } from '../../../src/remote/http/http.ts'
import { createRateLimit } from '../../../src/remote/http/rate-limit.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { openRefreshStore } from '../../../src/store/fleet/refresh-tokens.ts'
import { openRedisTokenStore } from '../../../src/store/fleet/tokens-redis.ts'
import { openTokenStore } from '../../../src/store/fleet/tokens.ts'
import { openRedis } from '../../../src/store/redis/redis.ts'

export interface MemberOptions {
  readonly credentials: Credentials
  readonly apiUrl: string
  readonly databaseUrl: string
  /** The token store; Postgres by default. */
  readonly redisUrl?: string
  readonly callers: number
  readonly claimMs: number
}

/** A line each: ready, then a success with a generation that is new to the caller, or a failure, then the end. */
export type MemberLine =
  | { readonly type: 'ready' | 'end' }
  | { readonly type: 'success'; readonly caller: number; readonly generation: number }
  | { readonly type: 'failure'; readonly message: string }

if (process.argv[2] !== undefined) await main(JSON.parse(process.argv[2]) as MemberOptions)

async function main(options: MemberOptions): Promise<void> {
  const { credentials, apiUrl, databaseUrl, redisUrl, callers, claimMs } = options
  const sql = openDatabase(databaseUrl, { connections: 2 })
  const redis = redisUrl === undefined ? undefined : openRedis(redisUrl)
  const http = createHttp({ connections: callers })
  const seal = createSeal(credentials)
  const refresh = openRefreshStore(sql, seal.keyId)
  const policy = { attempts: 3, baseMs: 20, capMs: 200 }
  const tokens = createTokens({
    store: redis === undefined ? openTokenStore(sql, seal.keyId) : openRedisTokenStore(redis, seal.keyId),
    seal,
    policy,
    claimMs,
    request: createTokenSource({ endpoint: { http, credentials, userAgent: 'fleet' }, refresh, seal }),
  })
  const stop = new AbortController()
  const lines = createInterface({ input: process.stdin })
  // It ends with its parent.
  lines.once('close', () => stop.abort())
  say({ type: 'ready' })
  await new Promise((resolve) => lines.once('line', resolve))
  await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)))
  say({ type: 'end' })
  await http.close()
  await redis?.close()
  await sql.end({ timeout: 1 })

  async function call(caller: number): Promise<void> {
    const never = new AbortController().signal
    let last = 0
    let used = 0
    // The token with which the call succeeded.
    const watched: Tokens = {
      async get(signal) {
        const token = await tokens.get(signal)
        used = token.generation
        return token
      },
      reject: (generation) => tokens.reject(generation),
    }
    const rateLimit = createRateLimit({ rate: 0 })
    const remote = { http, tokens: watched, concurrency: 1, rateLimit }
    const client = createClient({ ...remote, policy, apiUrl, userAgent: 'fleet' })
    while (!stop.signal.aborted) {
      try {
        await fetchAccount(client, never)
        if (used !== last) say({ type: 'success', caller, generation: (last = used) })
      } catch (error) {
        say({ type: 'failure', message: reason(error) })
        return
      }
    }
  }
}

function say(line: MemberLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
