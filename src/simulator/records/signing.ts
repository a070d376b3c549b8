/** Signs download addresses anew in each response, as a storage service does: the same document under another address. */
import { hash } from 'node:crypto'

export interface Signer {
  /** the same attributes, each address in them with a new signature */
  sign(attributes: Record<string, unknown>): Record<string, unknown>
  count(): number
}

const isAddress = (value: string): boolean => /^https?:\/\/\S+$/.test(value)

/** Signs in the forms of several storage services; an address always gets the same form. */
export function createSigner(): Signer {
  let count = 0

  function signed(address: string): string {
    count += 1
    const digest = hash('sha256', `${address} ${String(count)}`)
    const until = 1_900_000_000 + count
    const form = forms[Number.parseInt(hash('md5', address).slice(0, 6), 16) % forms.length] ?? forms[0]
    return form(address.replace(/[?&]signature=[^&]*/, ''), { digest, until })
  }

  function signDeep(value: unknown): unknown {
    if (typeof value === 'string') return isAddress(value) ? signed(value) : value
    if (Array.isArray(value)) return value.map(signDeep)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, signDeep(member)]))
  }

  return { sign: (attributes) => signDeep(attributes) as Record<string, unknown>, count: () => count }
}

type Form = (address: string, by: { digest: string; until: number }) => string

const day = (until: number): string => new Date(until * 1000).toISOString().replaceAll(/[-:]|\.\d+/g, '')
const and = (address: string): string => (address.includes('?') ? '&' : '?')

const aws: Form = (address, { digest, until }) =>
  `${address}${and(address)}X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20261123%2Fus-east-1%2Fs3%2Faws4_request` +
  `&X-Amz-Date=${day(until)}&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=${digest}`
const cloudFront: Form = (address, { digest, until }) =>
  `${address}${and(address)}Expires=${String(until)}&Signature=${digest}~-_&Key-Pair-Id=K2JCJMDEHXQW5F`
const google: Form = (address, { digest, until }) =>
  `${address}${and(address)}X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Date=${day(until)}&X-Goog-Signature=${digest}`
const azure: Form = (address, { digest, until }) =>
  `${address}${and(address)}sv=2024-11-04&se=${encodeURIComponent(new Date(until * 1000).toISOString())}&sr=b&sp=r&sig=${digest}`
const rails: Form = (address, { digest, until }) => {
  const { origin, pathname } = new URL(address)
  const message = Buffer.from(pathname).toString('base64')
  const exp = new Date(until * 1000).toISOString()
  const signedId = Buffer.from(JSON.stringify({ _rails: { message, exp, pur: 'blob_id' } })).toString('base64')
  return `${origin}/rails/active_storage/blobs/redirect/${signedId}--${digest.slice(0, 40)}${pathname}`
}

const forms = [aws, cloudFront, google, azure, rails] as const
