/** Sends the alerts that are stored: to a webhook, by e-mail, or both; each way takes each alert once. */
import { createHmac } from 'node:crypto'
import { reason } from '../../errors/sync-error.ts'
import type { Logger } from '../../logger.ts'
import type { Http } from '../../remote/http/http.ts'
import { visibleJson } from '../../screen/visible.ts'
import type { Database } from '../../store/connection/database.ts'
import { claimAlert, recordDelivery } from '../../store/runs/alerts.ts'

export interface Outgoing {
  /** The same however often it is sent; no other alert of any installation has it. */
  readonly id: string
  readonly body: Readonly<Record<string, unknown>>
}

/** A way of sending. */
export interface Channel {
  readonly name: 'webhook' | 'email'
  /** @returns why it was not taken; null when it was. */
  send(alert: Outgoing, signal: AbortSignal): Promise<string | null>
}

interface Deps {
  readonly sql: Database
  readonly channels: readonly Channel[]
  /** The installation's. */
  readonly installation: string
  readonly log: Logger
}

export const ANSWER_MS = 10_000
const LONGEST_WAIT_SECONDS = 15 * 60

/** Sends what waits, one after the other. What is down is tried for two days. */
export async function sendAlerts({ sql, channels, installation, log }: Deps, signal: AbortSignal): Promise<void> {
  for (;;) {
    const alert = await claimAlert(sql)
    if (alert === undefined) return
    const taken = [...alert.deliveredTo]
    const errors: string[] = []
    for (const channel of channels.filter(({ name }) => !taken.includes(name))) {
      const error = await channel.send({ id: `${installation}-${alert.id}`, body: alert.body }, signal)
      if (error === null) taken.push(channel.name)
      else errors.push(`${channel.name}: ${error}`)
    }
    const error = errors.join('; ')
    const seconds = Math.min(LONGEST_WAIT_SECONDS, 2 ** alert.attempts)
    await recordDelivery(sql, alert.id, taken, error === '' ? null : { error, seconds })
    const { event, run, change } = alert.body
    const facts = { alert: alert.id, event, run, change }
    if (error === '') log.info({ ...facts, to: taken }, 'the alert was sent')
    else log.warn({ ...facts, attempts: alert.attempts }, `the alert was not taken: ${error}`)
  }
}

/** The address is a secret: its path is what lets one post. It is kept out of every message. */
export function webhookChannel(
  { webhookUrl: url, webhookSecret }: { readonly webhookUrl: string; readonly webhookSecret: string | undefined },
  http: Http,
): Channel {
  return {
    name: 'webhook',
    async send({ id, body: facts }, signal) {
      const body = visibleJson(facts)
      const signature = webhookSecret === undefined ? {} : sign(webhookSecret, { id, body, at: Date.now() })
      const headers = { 'content-type': 'application/json', ...signature }
      try {
        const { status } = await http.send({ method: 'POST', url, headers, body, wholeMs: ANSWER_MS }, signal)
        return status >= 200 && status < 300 ? null : `status ${status}`
      } catch (error) {
        return reason(error).replaceAll(url, 'ALERT_WEBHOOK_URL')
      }
    },
  }
}

/**
 * Headers of Standard Webhooks (standardwebhooks.com), for which most languages have a library that checks them: HMAC-SHA256 over
 * id, time and body, so that none of them can be changed, and an old message cannot be sent again.
 */
function sign(secret: string, { id, body, at }: { readonly id: string; readonly body: string; readonly at: number }) {
  const timestamp = String(Math.floor(at / 1000))
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}
