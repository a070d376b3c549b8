/** Runs phases that share an account, the types that are read, and how many requests are sent at a time. */
import { join } from 'node:path'
import { measure, type Measured, type Phase } from '../machine/measure.ts'
import type { Remote } from '../machine/remote.ts'
import type { Context } from '../series.ts'

export type Run = (
  name: Phase['name'],
  database: string,
  more?: Phase['options'] & { readonly wal?: boolean },
) => Promise<Measured>

interface Shared {
  readonly inFlight: number
  readonly types?: readonly string[]
}

/** Of the list without includes. */
export const PLAIN = ['phases']

export function runnerFor({ server, folder }: Context, remote: Remote, { inFlight, types }: Shared): Run {
  const own = {
    pagesFile: join(folder, `pages-${types?.join('-') ?? 'all'}.json`),
    inFlight,
    ...(types === undefined ? {} : { types }),
    ...(remote.stripeUrl === null ? {} : { stripeUrl: remote.stripeUrl }),
  }
  return (name, database, { wal = false, ...more } = {}) =>
    measure({
      name,
      remote,
      server,
      database,
      wal,
      options: { ...own, ...more },
      settings: { SYNC_CONCURRENCY: String(inFlight) },
      flags: ['loop', 'upsert', 'stripe'].includes(name) ? 'default' : 'product',
    })
}

/** A server without ETags: every page is transferred, and known by its bytes. */
export async function withoutEtags<T>(remote: Remote, act: () => Promise<T>): Promise<T> {
  await remote.switch({ etags: 'none' })
  try {
    return await act()
  } finally {
    await remote.switch({ etags: 'right' })
  }
}

/** So many records that an upsert for each comes to an end. */
export const FEW = 10_000

/** What one would write instead: first, and again. */
export async function loops(
  { server, options }: Context,
  run: Run,
  add: (name: string, measured: Measured) => void,
): Promise<void> {
  const looped = await server.createEmpty('looped')
  add('loop', await run('loop', looped, { wal: true }))
  if (options.quick) return
  add('loopAgain', await run('loop', looped, { wal: true }))
  const upserted = await server.createEmpty('upserted')
  add('upsert', await run('upsert', upserted, { wal: true, records: FEW, inFlight: 1 }))
  add('upsertAgain', await run('upsert', upserted, { wal: true, records: FEW, inFlight: 1 }))
}
