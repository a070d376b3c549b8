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
  ['mend|mends|mended|mending', 'repair, repaired; fix, fixed'],
  ['strangers?', 'clients, hostile requests'],
  ['unnoticed|unanswered', 'without capture; a lost response'],
  ['fate|fates', 'outcome; action'],
  ['vouch|vouches|vouched', 'confirm, confirmed'],
]

/** The same of titles of tests, which are read as sentences in a report; elsewhere these words have other uses. */
const DENIED_IN_TITLES: readonly (readonly [words: string, say: string])[] = [
  ['(?:is|are) said(?: to be)?', 'is reported'],
  ['(?:goes|go|going|went) out', 'is sent'],
  ['(?:tell|tells) of', 'reports, shows'],
  ['answers? (?:is|are|was|were) lost|lost answers?', 'a lost response'],
  ['(?:a|the) readings?|reading of changes', 'a read, an incremental read'],
  ['sweeps?|swept', 'the detection of deletes'],
  ['(?:written|made) from here', 'pushed'],
  ['waits? for a person', 'is parked'],
  ['takes? no notice', 'ignores'],
  ['(?:is|are) (?:whole|mended)', 'complete, repaired'],
]

/** Names of tables, keys and stored values, which never change; and phrases in which a word means something else. */
const ALLOWED =
  /\bSYNC_[A-Z_]+\b|sync\.pace\b|\bpace = sync\.table\('pace'|scopestack-sync:pace:|tokens_and_pace|0008_told|`told`|\btold apart\b|'told'|readonly told: number|told: (?:filled|values|\d)|sync\.known_pages|knownPages = sync\.table|'known_pages'|[`']nobody[`']|["']somebody-else["']/g

/** This file, which has the words. */
const ITSELF = /\/words\.test\.ts$/

const ROOT = join(import.meta.dirname, '../../..')
const NAMES = [
  ...filesBelow('src'),
  ...filesBelow('docs'),
  ...filesBelow('bench'),
  ...filesBelow('test'),
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  '.env.example',
].filter((name) => existsSync(join(ROOT, name)) && !ITSELF.test(name))

const patternsOf = (denied: typeof DENIED) =>
  denied.map(([words, say]) => ({ pattern: new RegExp(`\\b(?:${words})\\b`, 'i'), say }))
const PATTERNS = patternsOf(DENIED)
const TITLE_PATTERNS = patternsOf(DENIED_IN_TITLES)

test('a word of the private dialect does not come back', () => {
  expect(NAMES.flatMap((name) => hits(name, readFileSync(join(ROOT, name), 'utf8'))).join('\n')).toBe('')
  expect(NAMES.flatMap((name) => hits('the name of a file', name)).join('\n')).toBe('')
})

test('the title of a test is a plain sentence', () => {
  const tests = NAMES.filter((name) => name.endsWith('.test.ts'))
  const titles = tests.flatMap((name) =>
    titlesOf(readFileSync(join(ROOT, name), 'utf8')).map((title) => ({ name, title })),
  )
  expect(titles.length).toBeGreaterThan(1000)
  const wrong = titles.flatMap(({ name, title }) =>
    TITLE_PATTERNS.flatMap(({ pattern, say }) => {
      const match = pattern.exec(title)
      return match ? [`${name} "${title}" has "${match[0]}": say ${say}`] : []
    }),
  )
  expect(wrong.join('\n')).toBe('')
})

test('the scan finds each form of a title', () => {
  const text = `describe('a', () => {})\nit.each([1])(\n  'b %i',\n  () => {})\ntest.skipIf(x)("c", f)\nit('d’s', { timeout: 1 }, f)`
  expect(titlesOf(text)).toEqual(['a', 'b %i', 'c', 'd’s'])
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

function titlesOf(text: string): string[] {
  const calls = /(?:[)>]|\b(?:it|test|describe)(?:\.\w+)*)\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1\s*,/g
  return [...text.matchAll(calls)].map((match) => match[2]!)
}

/** `createPace`, `edit_told` and `SLOW_DOWN` as words. */
function plain(line: string): string {
  return line.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll('_', ' ')
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
}
