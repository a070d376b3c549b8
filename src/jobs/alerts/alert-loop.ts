/** Looks for what a person should know beside runs, and sends what is stored: one loop in each process that does or decides work. */
import type { Logger } from '../../logger.ts'
import { createHttp } from '../../remote/http/http.ts'
import type { ProxySettings } from '../../remote/http/proxy.ts'
import type { Database } from '../../store/connection/database.ts'
import { installationName } from '../../store/fleet/account.ts'
import { oldestOpenChange } from '../../store/outbox/changes.ts'
import type { StoredToken } from '../../token-store.ts'
import type { Clock } from '../clock.ts'
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
  readonly log: Logger
  readonly clock: Clock
  readonly outages: Outages
  readonly schedules: readonly Schedule[]
  readonly alerts: AlertSettings
  readonly proxy: ProxySettings | undefined
  /** Whether edits are sent by `start`; where they wait for "push", none is late. */
  readonly pushes: boolean
  readonly processId: string
}

const TURN_MS = 2_000

export interface Alerts extends Pick<Part, 'drain'> {
  /** From now on the token is looked at, too: only a worker has one. */
  watch(readToken: () => Promise<StoredToken>): void
}

export function startAlerts({ sql, log, outages, clock, schedules, alerts, proxy, pushes, processId }: Deps): Alerts {
  let tokens: ReturnType<typeof watchTokens> | undefined
  if (!areSent(alerts)) return { watch: () => {}, drain: async () => {} }
  const channels = channelsOf(alerts, proxy)
  let opened: { readonly installation: string; readonly standby: ReturnType<typeof watchStandby> } | undefined
  const open = async () => {
    const installation = await installationName(sql)
    return { installation, standby: watchStandby({ sql, channels, installation, processId }) }
  }
  const turn = async (signal: AbortSignal): Promise<void> => {
    opened ??= await open()
    if (await opened.standby.look(signal)) return
    const now = await clock.read()
    // It may be in Redis: one that is away must not keep the other alerts from being sent.
    const tokenFinding = (await tokens?.look().catch(() => null)) ?? null
    const editMinutes = pushes ? alerts.editMinutes : 0
    const oldest = editMinutes === 0 ? null : await oldestOpenChange(sql)
    await raiseFindings(sql, [lateEdits(oldest, editMinutes, now), ...(tokenFinding === null ? [] : [tokenFinding])])
    await raiseSilenceAlerts(sql, schedules, now)
    await raiseParkedAlerts(sql)
    await sendAlerts({ sql, channels, installation: opened.installation, log }, signal)
  }
  const loop = startLoop('sending alerts', turn, () => TURN_MS, { log, outages })
  return { watch: (readToken) => (tokens = watchTokens(readToken)), drain: () => loop.stop() }
}

function channelsOf({ webhookUrl, webhookSecret, mail }: AlertSettings, proxy: ProxySettings | undefined): Channel[] {
  const http = createHttp({ connections: 1, proxy })
  return [
    ...(webhookUrl === undefined ? [] : [webhookChannel({ webhookUrl, webhookSecret }, http)]),
    ...(mail === undefined ? [] : [mailChannel(mail)]),
  ]
}
