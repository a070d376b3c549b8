/** One word for one idea, and the field's word where it has one: docs/glossary.md. What is listed here does not come back. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { expect, test } from 'vitest'

/** A word or several, in any case, also as a part of a camelCase name; and what to say instead. */
const DENIED: readonly (readonly [words: string, say: string])[] = [
  ['whoever|whomever', 'the actor: the worker, the operator, the server, another transaction'],
  ['nobody|somebody|everybody|anybody', 'the actor: no worker, another transaction, every caller'],
  ['untold|told', 'not reported, reported, sent, logged'],
  ['unmet', 'not seen'],
  ['bury|buries|buried|burial|burials', 'mark deleted, marked deleted'],
  ['(?:set|sets|put|puts|setting) (?:\\w+ )?aside', 'park, parked'],
  ['(?:put|puts) off', 'postpone, postponed'],
  ['(?:let|lets) go', 'discard, discarded; release, of a lock or a lease'],
  ['pace', 'rate limit'],
  ['slow down|slows down|slowed down', 'back off'],
  ['verdict|verdicts', 'completeness, outcome'],
  ['judge|judges|judged', 'decide, check; completeness, outcome'],
  ['to be had', 'available, obtained'],
  ['(?:goes|go|went) by', 'uses, follows, is ordered by'],
  ['news', 'alert, alerts'],
  ['(?:gets?|got) hold of', 'obtain, obtained'],
  ['known pages', 'page cache, cached pages'],
  ['underlease|under lease', 'withLease, under the lease'],
]

/** Names of tables, keys and stored values, which never change; and phrases in which a word means something else. */
const ALLOWED =
  /\bSYNC_[A-Z_]+\b|sync\.pace\b|\bpace = sync\.table\('pace'|scopestack-sync:pace:|tokens_and_pace|0008_told|`told`|\btold apart\b|'told'|readonly told: number|told: (?:filled|values)|sync\.known_pages|knownPages = sync\.table|'known_pages'|`nobody`|'somebody-else'/g

const ROOT = join(import.meta.dirname, '../../..')
const NAMES = [
  ...filesBelow('src'),
  ...filesBelow('docs'),
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  '.env.example',
].filter((name) => existsSync(join(ROOT, name)))

const PATTERNS = DENIED.map(([words, say]) => ({ pattern: new RegExp(`\\b(?:${words})\\b`, 'i'), say }))

test('a word of the private dialect does not come back', () => {
  expect(NAMES.flatMap((name) => hits(name, readFileSync(join(ROOT, name), 'utf8'))).join('\n')).toBe('')
})

test('the scan sees words in prose and in names, and leaves the database alone', () => {
  expect(hits('a.ts', '// Whoever reads it.\nconst x = isTold(y)\nselect * from sync.pace')).toEqual([
    'a.ts:1 "Whoever": say the actor: the worker, the operator, the server, another transaction',
    'a.ts:2 "Told": say not reported, reported, sent, logged',
  ])
})

test('the scan sees words that a line break parts', () => {
  expect(hits('a.md', 'The change was set\naside.')).toEqual(['a.md:1 "set aside": say park, parked'])
})

/** Each denied word of a text. Two lines are looked at together, so that a break does not part what belongs together. */
function hits(name: string, text: string): string[] {
  const lines = text.split('\n').map((line) => plain(line.replace(ALLOWED, '')))
  return lines.flatMap((line, index) => {
    const both = `${line} ${(lines[index + 1] ?? '').replace(/^\s*(?:\*|\/\/|#|--|>)?\s*/, '')}`
    return PATTERNS.flatMap(({ pattern, say }) => {
      const match = pattern.exec(both)
      return match && match.index < line.length ? [`${name}:${index + 1} "${match[0]}": say ${say}`] : []
    })
  })
}

/** `createPace`, `edit_told` and `SLOW_DOWN` as words. */
function plain(line: string): string {
  return line.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll('_', ' ')
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
}
