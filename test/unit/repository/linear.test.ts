/**
 * No regular expression takes more than linear time: what a remote sends reaches many of them, and one of quadratic time
 * stops the whole process for minutes at 200,000 letters. Each of src/ is attacked with long rows of what it is made of.
 */
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseExact } from '../../../src/exact-json.ts'
import { parseDocument } from '../../../src/remote/documents/document.ts'
import { isNearlySame, isSame } from '../../../src/store/changes/equality.ts'
import { addressesIn, listsOf } from '../../../src/sync/discover/openapi.ts'
import { attack, LENGTH, literalsIn } from '../../support/regular-expressions.ts'

/** Those that see nothing but the text of our own files and settings. */
const OURS: ReadonlySet<string> = new Set([
  String.raw`/_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_(ADDR|PORT|PROTO))?)?)$/`,
  String.raw`/^(?:([^/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/`,
  String.raw`/^import \{[^}]*\} from '\.\.\/catalog\/resource\.ts'$/m`,
  String.raw`/^(28...|3D000|42501|ERR_(TLS|SSL)_.*|.*CERT.*|UNABLE_TO_.*)$/`,
])

/** In these places they are put together from constants. */
const MADE = ['src/remote/redact/redact.ts', 'src/store/connection/address.ts', 'src/store/redis/redis-check.ts']

const files = globSync('src/**/*.ts')
  .filter((file) => !file.startsWith('src/simulator/'))
  .map((file) => ({ file, source: readFileSync(file, 'utf8') }))
const found = files.flatMap(({ file, source }) => literalsIn(source).map((literal) => ({ file, literal })))
const attacked = found.filter(({ literal }) => !OURS.has(literal))

describe('the regular expressions of src/', () => {
  it('are all found', () => {
    expect(found.length).toBeGreaterThan(70)
    expect(new Set(found.map(({ literal }) => literal)).isSupersetOf(OURS), 'one of the exceptions is gone').toBe(true)
    expect(
      files
        .filter(({ source }) => source.includes('new RegExp('))
        .map(({ file }) => file)
        .toSorted(),
    ).toEqual(MADE)
  })

  it.each(attacked)('$file: $literal', ({ literal }) => {
    expect(attack(literal)).toBe('withstood')
  })

  it.each([
    String.raw`/["']((?:[^"'\s\\]|\\\/)*?(?:\.json|swagger-initializer\.js)(?:\?[^"'\s\\]*)?)\\?["']/g`,
    String.raw`/\s+$/`,
  ])('are distinguished from one that is not linear: %s', (literal) => {
    expect(attack(literal)).toBe('gave in')
  })
})

describe('what reads numbers and texts of the remote', () => {
  const zeros = '0'.repeat(LENGTH * 10)
  it.each([`1.${zeros}1`, `1${zeros}1`, `-1${zeros}1e-5`, `0.${zeros}`, zeros.replaceAll('0', '7')])(
    'reads a number of 200,000 digits: %.5s…',
    (number) => {
      expect(parseExact(`{"a":${number}}`)).toHaveProperty('a')
      expect(parseDocument(`{"data":[{"type":"x","id":"1","attributes":{"a":${number}}}]}`, '').records).toHaveLength(1)
      expect(isSame('decimal', number, '1')).toBe(false)
      expect(isNearlySame('decimal', number, '1')).toBe(false)
    },
  )

  it('reads any page as a description of the API', () => {
    expect(addressesIn(`"${'.json?'.repeat(LENGTH * 2.5)} `, '/docs')).toEqual([])
    expect(addressesIn('"'.repeat(LENGTH * 25), '/docs')).toEqual([])
    expect(
      listsOf(JSON.stringify({ openapi: '3', paths: { [`/${'{}}'.repeat(LENGTH * 2.5)}`]: { get: {} } } })),
    ).toEqual([])
  })
})
