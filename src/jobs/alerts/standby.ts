/**
 * That the database can only be read: a standby, or a server whose administrator made it read-only. Nothing can be written down
 * there, so the alert is sent as it is; its end is stored like any other once the database takes it.
 */
import type { Database } from '../../store/connection/database.ts'
import type { Pulse } from '../../store/outbox/pulse.ts'
import { raiseAlert } from '../../store/runs/alerts.ts'
import type { Channel } from './deliver.ts'

/** A switch-over takes less, and ends by itself. */
const SETTLED_MS = 60_000
const AGAIN_MS = 30_000

interface Deps {
  readonly sql: Database
  readonly channels: readonly Channel[]
  readonly installation: string
  readonly settledMs?: number
}

export interface StandbyWatch {
  /** Reports it once it has lasted, and its end. */
  look(pulse: Pick<Pulse, 'isReadOnly' | 'at' | 'leads'>, signal: AbortSignal): Promise<void>
}

export function watchStandby({ sql, channels, installation, settledMs = SETTLED_MS }: Deps): StandbyWatch {
  let since: { readonly at: number; readonly date: Date } | undefined
  let taken: string[] = []
  let triedAt = -Infinity

  async function report(signal: AbortSignal): Promise<void> {
    if (performance.now() - triedAt < AGAIN_MS) return
    triedAt = performance.now()
    const outgoing = { id: `${installation}-standby-${since!.date.getTime()}`, body: bodyOf(since!.date) }
    for (const channel of channels.filter(({ name }) => !taken.includes(name))) {
      if ((await channel.send(outgoing, signal)) === null) taken.push(channel.name)
    }
  }

  async function end(): Promise<void> {
    const { date } = since!
    await sql.begin(async (tx) => {
      const fingerprint = date.toISOString()
      await raiseAlert(tx, { subject: 'standby', kind: 'failure', fingerprint, body: bodyOf(date) }, true)
      const text = 'scopestack-sync: the database takes writes again.'
      const body = { text, event: 'recovery', kind: 'standby', since: fingerprint }
      await raiseAlert(tx, { subject: 'standby', kind: 'recovery', fingerprint: 'writable', body })
    })
  }

  return {
    async look({ isReadOnly, at, leads }, signal) {
      if (isReadOnly) {
        since ??= { at: performance.now(), date: at }
        if (leads && performance.now() - since.at >= settledMs && taken.length < channels.length) await report(signal)
        return
      }
      if (taken.length > 0) await end()
      since = undefined
      taken = []
      triedAt = -Infinity
    },
  }
}

function bodyOf(since: Date) {
  const text = `scopestack-sync: the database can only be read since ${since.toISOString()}: it is a standby, or was made read-only. Nothing is loaded and no edit is sent meanwhile. Look where DATABASE_URL leads.`
  return { text, event: 'standby', kind: 'standby', since: since.toISOString() }
}
