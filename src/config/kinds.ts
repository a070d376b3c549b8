/** What settings may be. */
import { z } from 'zod'
import { checkDatabaseUrl } from './database-url.ts'

export const number = (minimum: number, maximum: number, whole: boolean) =>
  z
    .string()
    .regex(whole ? /^\d+$/ : /^\d+(\.\d+)?$/, `must be ${whole ? 'a whole number' : 'a number'}`)
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, `must be between ${minimum} and ${maximum}`)

export const databaseUrl = z
  .string()
  .superRefine((url, context) => {
    const mistake = checkDatabaseUrl(url)
    if (mistake !== null) context.addIssue(mistake)
  })
  .optional()

export const scopeStackUrl = z
  .string()
  .transform((value, context) => {
    if (URL.canParse(value)) return new URL(value)
    context.addIssue('must be an address such as https://api.scopestack.io')
    return z.NEVER
  })
  // A token sent over plain http can be read on the way; a simulator on this machine has no way to be listened on.
  .refine((url) => url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)), {
    error: 'must begin with https:// (http:// is allowed for this machine only)',
  })
  .refine((url) => url.pathname === '/' && url.search === '' && url.username === '', 'must have no path, query or user')
  .transform((url) => url.origin)

/** Of a URL or of a listener: the second writes IPv6 without brackets. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || host === '::1' || /^127(\.\d+){3}$/.test(host)

export const isWebhook = (value: string): boolean => {
  if (!URL.canParse(value)) return false
  const { protocol, hostname } = new URL(value)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

export function isTimeZone(value: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

export interface DashboardTokens {
  /** Its holder may only look; undefined where there is one token. */
  readonly look: string | undefined
  readonly act: string
}

/** Too long to be guessed by trying. */
const SHORTEST_TOKEN = 16

export const dashboardTokens = z
  .string()
  .transform((value) => value.split(',').map((token) => token.trim()))
  .refine((tokens) => tokens.length <= 2, 'must be one token, or two with a comma between them')
  .refine(
    (tokens) => tokens.every((token) => token.length >= SHORTEST_TOKEN && /^[!-~]+$/.test(token)),
    `must have at least ${SHORTEST_TOKEN} characters, without spaces: openssl rand -hex 16`,
  )
  .refine(([look, act]) => look !== act, 'must be two different tokens')
  .transform((tokens): DashboardTokens => ({ look: tokens.length === 2 ? tokens[0] : undefined, act: tokens.at(-1)! }))
  .optional()
