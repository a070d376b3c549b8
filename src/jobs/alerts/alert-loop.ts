/** Looks for what a person should know beside runs, and sends what is stored: one loop in each process that does or decides work. */
import type { Logger } from '../../logger.ts'
import { createHttp } from '../../remote/http/http.ts'
import type { ProxySettings } from '../../remote/http/proxy.ts'
import type { Database } from '../../store/connection/database.ts'
import { installationName } from '../../store/fleet/account.ts'
import type { Presence } from '../../store/fleet/presence.ts'
import { oldestOpenChange } from '../../store/outbox/changes.ts'
import { OUTBOX_CHANNEL } from '../../store/outbox/notify.ts'
import { readPulse, type Pulse } from '../../store/outbox/pulse.ts'
import { ALERTS_CHANNEL, type Alert } from '../../store/runs/alerts.ts'
import type { StoredToken } from '../../token-store.ts'
import { startLoop } from '../loop.ts'
import type { Outages } from '../outage-log.ts'
import type { Schedule } from '../schedule.ts'
import type { Part } from '../service.ts'
import { sendAlerts, webhookChannel, type Channel } from './deliver.ts'
import { lateEdits, raiseParkedAlerts } from './edit-alerts.ts'
import { mailChannel, type MailSettings } from './mail.ts'
import { watchTokens } from './rejected-tokens.ts'
import { raiseSilenceAlerts } from './silence.ts'
import { watchStandby } from './standby.ts'
import { raiseFindings } from './standing.ts'

export interface AlertSettings {
  readonly webhookUrl: string | undefined
  readonly webhookSecret: string | undefined
  readonly mail: MailSettings | undefined
  readonly editMinutes: number
}

export const areSent = ({ webhookUrl, mail }: AlertSettings): boolean => webhookUrl !== undefined || mail !== undefined

interface Deps {
  readonly sql: Database
  readonly presence: Pick<Presence, 'session' | 'listen'>
  readonly log: Logger
  readonly outages: Outages
  readonly schedules: readonly Schedule[]
  readonly alerts: AlertSettings
  readonly proxy: ProxySettings | undefined
  /** Whether edits are sent by `start`; where they wait for "push", none is late. */
  readonly pushes: boolean
  readonly processId: string
}

/** While an edit is open, or something waits to be reported or sent. */
const TURN_MS = 2_000
/**
 * While nothing is: one statement, which looks whether there is. An alert that is raised is notified; a parked edit was open, and is
 * looked at until it is reported.
 */
const REST_MS = 10_000
/** For what that statement does not see. */
const ALL_EVERY_MS = 60_000
/** Any role that may connect can send notifications, at any rate. */
const GATHER_MS = 100

export interface Alerts extends Pick<Part, 'drain'> {
  /** From now on the token is looked at, too: only a worker has one. */
  watch(readToken: () => Promise<StoredToken>): void
}

export function startAlerts(deps: Deps): Alerts {
  const { sql, presence, log, outages, alerts, proxy } = deps
  if (!areSent(alerts)) return { watch: () => {}, drain: async () => {} }
  const channels = channelsOf(alerts, proxy)
  const findings = createFindings(deps)
  let opened: { readonly installation: string; readonly standby: ReturnType<typeof watchStandby> } | undefined
  const open = async () => {
    const installation = await installationName(sql)
    return { installation, standby: watchStandby({ sql, channels, installation }) }
  }
  let isBusy = true
  const turn = async (signal: AbortSignal): Promise<void> => {
    opened ??= await open()
    const pulse = await readPulse(presence.session, deps.processId)
    await opened.standby.look(pulse, signal)
    isBusy = pulse.isReadOnly || (await findings.raise(pulse))
    if (isBusy && !pulse.isReadOnly) await sendAlerts({ sql, channels, installation: opened.installation, log }, signal)
  }
  const loop = startLoop('sending alerts', turn, () => (isBusy ? TURN_MS : REST_MS), { log, outages })
  void presence.listen(ALERTS_CHANNEL, () => loop.within(GATHER_MS))
  void presence.listen(OUTBOX_CHANNEL, () => {
    findings.expect()
    loop.within(TURN_MS)
  })
  return { watch: findings.watch, drain: () => loop.stop() }
}

/** Raises what is to be raised, where something may be. */
function createFindings({ sql, schedules, alerts, pushes }: Deps) {
  let tokens: ReturnType<typeof watchTokens> | undefined
  let known: string | undefined
  let lookedAt = -Infinity
  let isPending = true
  let heard = 0
  let silentAt: Date | null = null

  const mayRest = ({ at, open, unsent }: Pulse, finding: Alert | null): boolean =>
    !(open || unsent || isPending || finding?.fingerprint !== known || (silentAt !== null && at >= silentAt)) &&
    performance.now() - lookedAt < ALL_EVERY_MS

  const oldestEdit = async (at: Date, open: boolean): Promise<Alert> => {
    const minutes = pushes ? alerts.editMinutes : 0
    return lateEdits(minutes === 0 || !open ? null : await oldestOpenChange(sql), minutes, at)
  }

  return {
    watch: (readToken: () => Promise<StoredToken>) => void (tokens = watchTokens(readToken)),
    /** An edit that was parked at once is open at no turn. */
    expect(): void {
      isPending = true
      heard++
    },
    /** @returns whether there is anything to look at again soon, or to send. */
    raise: async (pulse: Pulse): Promise<boolean> => {
      // It may be in Redis: one that is away must not keep the other alerts from being sent.
      const finding = (await tokens?.look().catch(() => null)) ?? null
      if (mayRest(pulse, finding)) return false
      const { at, open } = pulse
      const before = heard
      await raiseFindings(sql, [await oldestEdit(at, open), ...(finding === null ? [] : [finding])])
      silentAt = await raiseSilenceAlerts(sql, schedules, at)
      // One more turn after the last edit has ended: it may have been parked.
      isPending = (await raiseParkedAlerts(sql)) || open || heard !== before
      known = finding?.fingerprint
      lookedAt = performance.now()
      return true
    },
  }
}

function channelsOf({ webhookUrl, webhookSecret, mail }: AlertSettings, proxy: ProxySettings | undefined): Channel[] {
  const http = createHttp({ connections: 1, proxy })
  return [
    ...(webhookUrl === undefined ? [] : [webhookChannel({ webhookUrl, webhookSecret }, http)]),
    ...(mail === undefined ? [] : [mailChannel(mail)]),
  ]
}
