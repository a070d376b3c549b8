/** The text of docs/faults.md: the matrix, and the results of a run of it (test/support/faults/results.json). */
import { readFileSync, writeFileSync } from 'node:fs'
import { markdownTable } from '../../../src/dictionary/markdown.ts'
import { INVARIANTS } from '../tables/invariants.ts'
import { FAULTS, trials } from './matrix.ts'
import { nameOf, OPERATIONS, STEPS, titleOf, type Cell, type Fault, type OperationName, type Step } from './names.ts'

/** By major version of Postgres, and the name of the trial. */
export type Results = Readonly<Record<string, Readonly<Record<string, string>>>>

const HEAD = `# Faults

What is tried against scopestack-sync, and how it ends: each operation under each fault, struck at named steps. After each fault the
guarantees S1 to S14 ([ARCHITECTURE.md](../ARCHITECTURE.md#guarantees)) are checked by queries; then the operation is repeated without
it, and has to end ok, with every row equal to its record.

This file is generated: \`npm run faults:matrix\` runs all of it and keeps the results, \`npm run faults:docs\` writes this page.
`

const ABOUT_CELLS = `A cell says how the operation ended **under the fault**, by step where that differs: _ok_, or the code of its failure
([errors.md](errors.md)), with which a worker tries again. _killed_: another process did the rest. In every cell the guarantees held, and the operation ended ok once it was
repeated. A letter is a test that proves the cell already, a number the reason why there is none, both below; _–_ has not been run yet.
`

export function faultsDocs(results: Results): string {
  const notes = collectNotes()
  const [main = '18', ...others] = Object.keys(results).toSorted((a, b) => Number(b) - Number(a))
  const of = (major: string): string => {
    const rows = FAULTS.map((fault) => [
      titleOf(fault),
      ...NAMES.map((operation) => shown(fault, operation, results[major] ?? {}, notes)),
    ])
    return markdownTable(['fault', ...NAMES], rows)
  }
  const counted = Object.entries(results).map(([major, found]) => {
    const all = trials(false).length + trials(true).length
    return `- PostgreSQL ${major}: ${all - missing(found).length} of ${all} trials run, ${Object.keys(found).length === 0 ? 0 : differing(found)} of them with a failure that was tried again.`
  })
  return [
    HEAD,
    '## Results\n',
    `${counted.join('\n')}\n`,
    ABOUT_CELLS,
    `${of(main)}\n`,
    ...others.flatMap((major) => [differences(main, major, results)]),
    '## Proved by other tests\n',
    `${notes.tests.map(({ file, title }, at) => `- ${letter(at)}: \`${file}\`, “${title}”`).join('\n')}\n`,
    '## Not tried\n',
    `${notes.reasons.map((reason, at) => `${at + 1}. ${reason}`).join('\n')}\n`,
    '## Operations\n',
    `${markdownTable(
      ['operation', 'what it is'],
      Object.entries(OPERATIONS).map((row) => [...row]),
    )}\n`,
    '## Steps\n',
    `${markdownTable(
      ['step', 'where the fault strikes'],
      Object.entries(STEPS).map((row) => [...row]),
    )}\n`,
    '## What is checked\n',
    `${markdownTable(
      ['guarantee', 'what holds', 'when'],
      INVARIANTS.map(({ guarantee, says, holds }) => [guarantee, says, holds]),
    )}\n`,
  ].join('\n')
}

// --- internal ---

const NAMES = Object.keys(OPERATIONS) as OperationName[]

interface Notes {
  readonly tests: Extract<Cell, { kind: 'test' }>[]
  readonly reasons: string[]
}

const letter = (at: number): string => String.fromCodePoint(65 + at)

function collectNotes(): Notes {
  const tests = new Map<string, Notes['tests'][number]>()
  const reasons = new Set<string>()
  for (const { cells } of FAULTS) {
    for (const cell of NAMES.map((name) => cells[name])) {
      if (cell.kind === 'test') tests.set(`${cell.file} ${cell.title}`, cell)
      if (cell.kind === 'none') reasons.add(cell.reason)
    }
  }
  return { tests: [...tests.values()], reasons: [...reasons] }
}

function shown(fault: Fault, operation: OperationName, results: Results[string], { tests, reasons }: Notes): string {
  const cell = fault.cells[operation]
  if (cell.kind === 'test')
    return letter(tests.findIndex(({ file, title }) => file === cell.file && title === cell.title))
  if (cell.kind === 'none') return String(reasons.indexOf(cell.reason) + 1)
  const outcomes = cell.steps.map((step): [Step, string] => [step, results[nameOf({ fault, operation, step })] ?? '–'])
  const [[, first] = ['', ''], ...rest] = outcomes
  if (rest.every(([, outcome]) => outcome === first))
    return outcomes.length === 1 ? first : `${first} (${cell.steps.join(', ')})`
  return outcomes.map(([step, outcome]) => `${step}: ${outcome}`).join('; ')
}

const missing = (found: Results[string]): string[] =>
  [...trials(false), ...trials(true)].map(nameOf).filter((name) => found[name] === undefined)

const differing = (found: Results[string]): number =>
  Object.values(found).filter((outcome) => outcome.startsWith('SYNC_')).length

function differences(main: string, major: string, results: Results): string {
  const [mine, theirs] = [results[main]!, results[major]!]
  const other = Object.entries(theirs).filter(([name, outcome]) => mine[name] !== undefined && mine[name] !== outcome)
  if (other.length === 0) return `On PostgreSQL ${major} every trial that was run ended as on ${main}.\n`
  const rows = other.map(([name, outcome]) => [name, mine[name]!, outcome])
  return `On PostgreSQL ${major} these ended otherwise:\n\n${markdownTable(['trial', main, major], rows)}\n`
}

if (import.meta.main) {
  const root = new URL('../../../', import.meta.url)
  const file = new URL('test/support/faults/results.json', root)
  const known = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, string>>
  // Lines of FAULTS_RESULTS, of a run.
  for (const lines of process.argv.slice(2)) {
    for (const line of readFileSync(lines, 'utf8').split('\n').filter(Boolean)) {
      const { major, trial, outcome } = JSON.parse(line) as { major: string; trial: string; outcome: string }
      known[major] = { ...known[major], [trial]: outcome }
    }
  }
  const names = new Set([...trials(false), ...trials(true)].map(nameOf))
  const kept = Object.fromEntries(
    Object.entries(known).map(([major, found]) => [
      major,
      Object.fromEntries(
        Object.entries(found)
          .filter(([name]) => names.has(name))
          .toSorted(([a], [b]) => (a < b ? -1 : 1)),
      ),
    ]),
  )
  writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`)
  writeFileSync(new URL('docs/faults.md', root), faultsDocs(kept))
}
