/** One address, however often it is signed; two documents, however alike their addresses. */
import { describe, expect, it } from 'vitest'
import { isSame, isSameUnsigned } from '../../../src/store/changes/equality.ts'
import { stripSignatures } from '../../../src/store/values/signed-urls.ts'
import { compareField } from '../../../src/sync/push/conflict.ts'

const hex = (n: number, length = 64): string => n.toString(16).padStart(length, '0')
const at = 'https://files.test/reports/7.pdf'

const signedId = (n: number, id: string, length: number): string => {
  const text = JSON.stringify({ _rails: { message: id, exp: `2026-11-${10 + n}T00:00:00Z`, pur: 'blob_id' } })
  return `${Buffer.from(text).toString('base64')}--${hex(n, length)}`
}

/** An address as it is signed the n-th time. */
const FORMS: readonly [string, (n: number, file?: string) => string][] = [
  [
    'AWS',
    (n, file = at) =>
      `${file}?response-content-type=pdf&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F${n}&X-Amz-Date=2026112${n}T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=${hex(n)}`,
  ],
  ['AWS, version 2', (n, file = at) => `${file}?AWSAccessKeyId=AKIA&Expires=17000${n}&Signature=a%2B${n}%3D`],
  ['CloudFront', (n, file = at) => `${file}?Expires=17000${n}&Signature=abc~-_${n}__&Key-Pair-Id=K${n}`],
  ['CloudFront with a policy', (n, file = at) => `${file}?Policy=eyJ${n}_&Signature=abc${n}&Key-Pair-Id=K`],
  ['Google', (n, file = at) => `${file}?X-Goog-Algorithm=GOOG4&X-Goog-Date=2026112${n}&X-Goog-Signature=${hex(n)}`],
  ['Google, version 2', (n, file = at) => `${file}?GoogleAccessId=a@b.iam&Expires=17${n}&Signature=x${n}`],
  [
    'Azure',
    (n, file = at) =>
      `${file}?sv=2024-11-04&st=2026-11-2${n}T00%3A00%3A00Z&se=2026-11-2${n}T01%3A00%3A00Z&sr=b&sp=r&sig=${n}%3D`,
  ],
  ['Alibaba', (n, file = at) => `${file}?OSSAccessKeyId=L&Expires=17${n}&Signature=b${n}`],
  ['Akamai', (n, file = at) => `${file}?hdnea=exp=17${n}~acl=/*~hmac=${hex(n)}`],
  ['a token', (n, file = at) => `${file}?page=2&token=t${n}`],
  ['an access token', (n, file = at) => `${file}?access_token=t${n}&expires_in=${n}`],
  ['a hash and an end', (n, file = at) => `${file}?hash=${hex(n, 40)}&expires=17${n}#page=3`],
  [
    'a blob of Rails',
    (n, file = at) => `https://app.test/rails/active_storage/blobs/redirect/${signedId(n, file, 40)}/seven.pdf`,
  ],
  [
    'a representation of Rails, without a host',
    (n, file = at) =>
      `/rails/active_storage/representations/proxy/${signedId(n, file, 64)}/${signedId(n, 'v', 64)}/7.png`,
  ],
  ...['', 'a', 'ab'].map((more): [string, (n: number, file?: string) => string] => [
    `a blob of Rails whose message is ${more.length} longer, so that its padding differs`,
    (n, file = at) => `https://app.test/rails/active_storage/blobs/${signedId(n, file + more, 40)}/7.pdf`,
  ]),
  ['a parameter that Rails has signed', (n, file = at) => `https://app.test/files?signed_id=${signedId(n, file, 64)}`],
  [
    'one inside another',
    (n, file = at) => `https://viewer.test/?url=${encodeURIComponent(`${file}?sig=${n}&se=${n}`)}`,
  ],
]

/** Where an address may stand. */
const PLACES: readonly [string, (address: string) => string][] = [
  ['alone', (address) => address],
  ['in HTML', (address) => `<p>See <a href="${address.replaceAll('&', '&amp;')}">it</a>, or ask.</p>`],
  ['in Markdown', (address) => `a [file](${address} "file") and more text -- of whatever kind?`],
  ['in JSON', (address) => JSON.stringify({ a: [{ url: address, more: 'b' }], c: address })],
  ['in a list of Postgres', (address) => `{"${address}",NULL,"b"}`],
  ['in a line of COPY', (address) => `7\t\\N\t{"a": "\\\\"x\\\\"", "url": "${address}"}\tend\\n`],
]

describe.each(FORMS)('%s', (_, sign) => {
  it.each(PLACES)('%s: signed anew it is the same, and another document is another', (_place, put) => {
    const [first, second, third] = [1, 2, 3].map((n) => stripSignatures(put(sign(n))))
    expect(new Set([first, second, third]).size).toBe(1)
    expect(stripSignatures(put(sign(1, 'https://files.test/reports/8.pdf')))).not.toBe(first)
  })
})

describe('what is not signed', () => {
  it.each([
    'https://files.test/a.pdf?page=2&size=10',
    'What? hash=1 and more; token=2',
    'https://files.test/a.pdf?sp=1&st=2&se=3',
    '/a--b/c--0123',
    `--${hex(1, 39)}`,
    'plain',
    '',
    '?',
  ])('%j stays as it is', (text) => expect(stripSignatures(text)).toBe(text))

  it('distinguishes URLs that differ beside the signature', () => {
    expect(stripSignatures(`${at}?page=1&token=a`)).not.toBe(stripSignatures(`${at}?page=2&token=a`))
    expect(stripSignatures(`${at}?token=a#1`)).not.toBe(stripSignatures(`${at}?token=a#2`))
    const old = Buffer.from('BAhpBw==').toString('base64url')
    expect(stripSignatures(`/rails/${old}--${hex(1, 40)}/a`)).not.toBe(
      stripSignatures(`/rails/${old}x--${hex(1, 40)}/a`),
    )
  })
})

it.each<[string, string]>([
  ['question marks', `?${'&token'.repeat(200_000)}`],
  ['hyphens', '--'.repeat(500_000)],
  ['digests', `--${hex(1, 40)}`.repeat(25_000)],
  ['one long word', `https://x.test/?sig=1&${'a'.repeat(1_000_000)}`],
  ['words', 'https://x.test/?sig=1 '.repeat(50_000)],
  ['addresses inside addresses', `https://x.test/?sig=1&u=${'%3F'.repeat(300_000)}`],
  ['hints that are none', '&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.repeat(30_000)],
])('a million characters of %s take their time and no more', (_, text) => {
  // Twice as long takes about twice the time: a square would be 256 times that of a sixteenth.
  const time = (some: string): number => {
    const began = process.cpuUsage()
    stripSignatures(some)
    const { user, system } = process.cpuUsage(began)
    return user + system
  }
  time(text.slice(0, text.length / 16))
  const part = Math.min(...[1, 2, 3].map(() => time(text.slice(0, text.length / 16))))
  const whole = Math.min(...[1, 2, 3].map(() => time(text)))
  expect(whole).toBeLessThan(100 * Math.max(part, 1000))
})

it('a URL that is signed anew is no edit, and one that a person edits is', () => {
  const [one, other] = [`${at}?sig=1`, `${at}?sig=2`]
  expect(isSame('text', one, other)).toBe(false)
  expect(isSameUnsigned('text', one, other)).toBe(true)
  expect(isSameUnsigned('json', [{ u: one, n: 1 }], [{ n: 1, u: other }])).toBe(true)
  expect(isSameUnsigned('json', [{ u: one, n: 1 }], [{ n: 2, u: other }])).toBe(false)
  expect(compareField('json', { u: one, n: 1 }, { u: one, n: 2 }, { u: other, n: 1 })).toBe('send')
  expect(compareField('json', { u: one, n: 1 }, { u: one, n: 2 }, { u: other, n: 2 })).toBe('same')
  expect(compareField('json', { u: one, n: 1 }, { u: one, n: 2 }, { u: other, n: 3 })).toBe('conflict')
  expect(compareField('text', one, other, one)).toBe('send')
  expect(compareField('text', one, other, other)).toBe('same')
})
