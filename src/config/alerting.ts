/** Where alerts are sent, and what one is about besides runs. */
import { isDecodable, isLoopback, isWebhook, listBy, number, optional, orElse, textThat, type Parsed } from './kinds.ts'

export interface AlertSettings {
  readonly webhookUrl: string | undefined
  /** Signs what is sent there. */
  readonly webhookSecret: string | undefined
  readonly mail: MailSettings | undefined
  /** Age of a local edit in minutes past which it is reported; 0 for never. */
  readonly editMinutes: number
}

export interface MailSettings {
  readonly host: string
  readonly port: number
  /** TLS from the first byte. */
  readonly secure: boolean
  /** Undefined where the server asks for no password. */
  readonly auth: { readonly user: string; readonly pass: string } | undefined
  /** It is this machine, which is reached without TLS, too. */
  readonly isLocal: boolean
  readonly to: readonly string[]
  readonly from: string
}

const isSmtp = (value: string): boolean => {
  if (!URL.canParse(value)) return false
  const { protocol, hostname, pathname, search, username, password } = new URL(value)
  return (
    /^smtps?:$/.test(protocol) &&
    hostname !== '' &&
    pathname.length <= 1 &&
    search === '' &&
    isDecodable(username + password)
  )
}

const ADDRESS = /^[^\s@,<>"]+@[^\s@,<>"]+$/

function addresses(given: string): Parsed<readonly string[]> {
  const all = listBy(',')(given)
  const areRight = 'value' in all && all.value.length > 0 && all.value.every((one) => ADDRESS.test(one))
  return areRight ? all : { mistakes: ['must be e-mail addresses, comma separated'] }
}

export const ALERT_VARIABLES = {
  ALERT_WEBHOOK_URL: {
    group: 'Process',
    about:
      'Gets a JSON POST (Slack accepts it as it is) when a run failed, when the next one succeeds, when none has succeeded for two intervals, and for what else docs/alerts.md lists.',
    kind: optional(
      textThat(isWebhook, 'must be an address that begins with https:// (http:// is allowed for this machine only)'),
    ),
    example: '',
    secret: true,
  },
  ALERT_WEBHOOK_SECRET: {
    group: 'Process',
    about:
      'Signs each of these POSTs by the rules of Standard Webhooks, so that its receiver can tell whose it is: docs/alerts.md.',
    kind: optional(textThat(({ length }) => length >= 16, 'must have at least 16 characters')),
    example: '',
    secret: true,
  },
  ALERT_SMTP_URL: {
    group: 'Process',
    about:
      'Sends alerts by e-mail: smtps://user:password@host:465, or smtp://user:password@host:587 (STARTTLS, which is demanded of every host but this machine).',
    kind: optional(textThat(isSmtp, 'must look like smtps://user:password@host:465 or smtp://user:password@host:587')),
    example: '',
    secret: true,
  },
  ALERT_EMAIL_TO: {
    group: 'Process',
    about: 'Who gets these e-mails, comma separated.',
    kind: optional(addresses),
    example: '',
  },
  ALERT_EMAIL_FROM: {
    group: 'Process',
    about: 'Their sender. Empty: the first of ALERT_EMAIL_TO.',
    kind: optional(textThat((value) => ADDRESS.test(value), 'must be an e-mail address')),
    example: '',
  },
  ALERT_EDIT_MINUTES: {
    group: 'Process',
    about: 'Minutes after which a local edit that has not been sent is reported; 0 for never.',
    kind: orElse(60, number(0, 100_000, true)),
    example: '60',
  },
} as const

type Values = { [N in keyof typeof ALERT_VARIABLES]: (typeof ALERT_VARIABLES)[N]['kind']['absent'] }

export function alertSettings(values: Values): AlertSettings {
  const { ALERT_SMTP_URL: url, ALERT_EMAIL_TO: to } = values
  return {
    webhookUrl: values.ALERT_WEBHOOK_URL,
    webhookSecret: values.ALERT_WEBHOOK_SECRET,
    mail:
      url === undefined || to === undefined
        ? undefined
        : { ...serverOf(url), to, from: values.ALERT_EMAIL_FROM ?? to[0]! },
    editMinutes: values.ALERT_EDIT_MINUTES,
  }
}

function serverOf(url: string): Omit<MailSettings, 'to' | 'from'> {
  const { protocol, hostname, port, username, password } = new URL(url)
  const secure = protocol === 'smtps:'
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    auth: username === '' ? undefined : { user: decodeURIComponent(username), pass: decodeURIComponent(password) },
    isLocal: isLoopback(hostname),
  }
}

/** What one of them demands of others. */
export function alertMistakes(values: Partial<Values>) {
  const demands = [
    ['ALERT_WEBHOOK_SECRET', 'ALERT_WEBHOOK_URL'],
    ['ALERT_SMTP_URL', 'ALERT_EMAIL_TO'],
    ['ALERT_EMAIL_TO', 'ALERT_SMTP_URL'],
    ['ALERT_EMAIL_FROM', 'ALERT_SMTP_URL'],
  ] as const
  return demands
    .filter(([name, other]) => values[name] !== undefined && values[other] === undefined)
    .map(([name, other]) => ({ name: other, mistake: `${other} is missing. ${name} needs it.` }))
}
