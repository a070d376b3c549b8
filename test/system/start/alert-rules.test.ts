/** docs/prometheus/rules.yml and docs/grafana/dashboard.json, held by promtool against what /metrics really shows. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Exposition } from '../../support/network/exposition.ts'
import { describeWith } from '../../support/process/installed.ts'
import { promtool, runPromtool } from '../../support/process/promtool.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { visitStates, type States } from '../support/rule-states.ts'

const DOCS = join(import.meta.dirname, '../../../docs')
const RULES = join(DOCS, 'prometheus/rules.yml')
const JOB = 'scopestack-sync'

interface Rule {
  readonly alert?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}

const { groups } = parse(await readFile(RULES, 'utf8')) as { groups: readonly { rules: readonly Rule[] }[] }
const alerts = new Map(
  groups.flatMap(({ rules }) => rules).flatMap((rule) => (rule.alert === undefined ? [] : [[rule.alert, rule]])),
)

/** What an instance showed for so many minutes; null where it did not respond. */
type Step = readonly [page: Exposition | null, minutes: number]

interface Firing {
  /** Beside the job and the severity. */
  readonly labels?: Readonly<Record<string, string>>
  readonly summary: string
}

interface Case {
  readonly name: string
  /** By instance. */
  readonly steps: Readonly<Record<string, readonly Step[]>>
  /** By rule; every other one is silent. */
  readonly fires: Readonly<Record<string, Firing>>
}

const one = (...steps: readonly Step[]) => ({ 'worker-1:8080': steps })
const two = (page: Exposition, minutes: number) => ({
  'worker-1:8080': [[page, minutes]] as const,
  'worker-2:8080': [[page, minutes]] as const,
})
const failed = {
  ScopeStackSyncRunFailed: {
    labels: { kind: 'full', outcome: 'failed' },
    summary: 'The last full run ended as failed.',
  },
}
const problems = {
  ScopeStackSyncProblems: { summary: 'What needs a person for more than an hour, as many as "status" lists: 1.' },
}
const recordsParked = {
  ScopeStackSyncRecordsParked: {
    labels: { resource: 'clients' },
    summary: 'clients: records that the table could not take: 1.',
  },
}
const notDrained = {
  ScopeStackSyncQueueNotDrained: {
    labels: { queue: 'sync', state: 'waiting' },
    summary: 'Jobs wait in the queue sync, and no worker takes them: 1.',
  },
}
const stuck = {
  ScopeStackSyncRunStuck: {
    labels: { kind: 'full' },
    summary: 'The open full run goes on for more than two intervals of its schedule, or two days where it has none.',
  },
}
const away = {
  ScopeStackSyncProcessAway: { labels: { instance: 'worker-1:8080' }, summary: 'worker-1:8080 does not answer.' },
}

/** Those of tables, runs and edits: what one page shows for a while. */
const casesOfFleet = (pages: States['pages']): Case[] => [
  { name: 'all is well', steps: two(pages.good, 130), fires: {} },
  { name: 'all is well again', steps: one([pages.over, 130]), fires: {} },
  { name: 'a record is parked', steps: two(pages.recordsParked, 50), fires: recordsParked },
  {
    name: 'a record is parked for two hours',
    steps: one([pages.recordsParked, 120]),
    fires: { ...recordsParked, ...problems },
  },
  {
    name: 'a table is three years old',
    steps: two(pages.stale, 50),
    fires: {
      ScopeStackSyncStale: {
        labels: { resource: 'tags' },
        summary: 'The table tags is older than two intervals of its schedule.',
      },
    },
  },
  {
    name: 'a table that no schedule reads is three years old, another was never read',
    steps: two(pages.notScheduled, 50),
    fires: {},
  },
  {
    name: 'a table was never read',
    steps: two(pages.neverRead, 50),
    fires: {
      ScopeStackSyncNeverRead: {
        labels: { resource: 'teams' },
        summary: 'The table teams was never read completely, and no full run goes on.',
      },
    },
  },
  {
    name: 'an edit is parked',
    steps: two(pages.editsParked, 50),
    fires: {
      ScopeStackSyncEditsParked: {
        labels: { state: 'parked' },
        summary: 'Local edits are parked until a person decides: 1.',
      },
    },
  },
  {
    name: 'an edit waits for two hours',
    steps: two(pages.editsWait, 50),
    fires: { ScopeStackSyncEditsWait: { summary: 'A local edit has waited for more than an hour.' } },
  },
  {
    name: 'a resource fails',
    steps: two(pages.runFailed, 50),
    fires: {
      ...failed,
      ScopeStackSyncResourceNotOk: {
        labels: { resource: 'tags', outcome: 'failed' },
        summary: 'The last read of tags ended as failed.',
      },
    },
  },
  { name: 'no worker takes a job', steps: two(pages.notDrained, 50), fires: notDrained },
  {
    name: 'a run goes on for three years',
    steps: two(pages.runStuck, 50),
    fires: { ...notDrained, ...stuck },
  },
  {
    name: 'the full schedule is off, and the incremental one did nothing for three years',
    steps: two(pages.changesOnly, 50),
    fires: {
      ScopeStackSyncQueueNotDrained: {
        ...notDrained.ScopeStackSyncQueueNotDrained,
        summary: 'Jobs wait in the queue sync, and no worker takes them: 2.',
      },
      ...stuck,
      ScopeStackSyncStale: {
        labels: { resource: 'projects' },
        summary: 'The table projects is older than two intervals of its schedule.',
      },
    },
  },
]

/** Those of what a process counts, and of processes that end. */
const casesOfProcesses = (pages: States['pages']): Case[] => [
  {
    name: 'tokens are rejected',
    steps: one([pages.beforeRejected, 40], [pages.rejected, 10]),
    fires: {
      ScopeStackSyncTokenRejected: {
        summary: 'Tokens are rejected long before they expire, three times or more in half an hour.',
      },
    },
  },
  { name: 'tokens were rejected an hour ago', steps: one([pages.beforeRejected, 9], [pages.rejected, 60]), fires: {} },
  { name: 'Prometheus sees a process for the first time', steps: one([pages.failing, 20]), fires: {} },
  {
    name: 'a token is given at the second try',
    steps: one([pages.failing, 40], [pages.renewedLate, 15]),
    fires: {},
  },
  {
    name: 'a token is refused',
    steps: one([pages.renewedLate, 40], [pages.refused, 15]),
    fires: {
      ...failed,
      ScopeStackSyncTokenRefused: {
        labels: { outcome: 'SYNC_CREDENTIALS_REFUSED' },
        summary: 'ScopeStack gives no token: SYNC_CREDENTIALS_REFUSED.',
      },
    },
  },
  {
    name: 'requests fail',
    steps: one([pages.rejected, 40], [pages.failing, 10]),
    fires: { ScopeStackSyncRequestsFail: { summary: 'More than a tenth of the requests to ScopeStack fail.' } },
  },
  {
    name: 'a process was killed',
    steps: one([pages.bothAlive, 65], [pages.oneKilled, 10]),
    fires: {
      ScopeStackSyncProcessKilled: {
        labels: { state: 'silent' },
        summary: 'A process of scopestack-sync ended without a stop, or cannot reach its database.',
      },
    },
  },
  { name: 'a process was killed a day ago', steps: two(pages.oneKilled, 130), fires: {} },
  {
    name: 'one of two processes does not respond',
    steps: { ...one([pages.over, 10], [pages.killed, 20]), 'worker-2:8080': [[pages.bothAlive, 30]] },
    fires: away,
  },
  {
    name: 'no process responds',
    steps: one([pages.over, 10], [pages.killed, 20]),
    fires: { ...away, ScopeStackSyncNoProcess: { summary: 'No process of scopestack-sync answers.' } },
  },
  {
    name: 'the database does not respond',
    steps: one([pages.bothAlive, 10], [pages.databaseAway, 20]),
    fires: {
      ScopeStackSyncDatabaseAway: {
        labels: { instance: 'worker-1:8080' },
        summary: 'worker-1:8080 gets no response from its database.',
      },
    },
  },
  {
    name: 'a process waits for its queue',
    steps: one([pages.notStarted, 20]),
    fires: {
      ScopeStackSyncNotStarted: {
        labels: { instance: 'worker-1:8080' },
        summary: 'worker-1:8080 answers, and has not started.',
      },
    },
  },
  {
    name: 'a table of the state is gone',
    steps: one([pages.over, 40], [pages.unreadable, 20]),
    fires: {
      ScopeStackSyncStateUnreadable: {
        labels: { instance: 'worker-1:8080' },
        summary: 'worker-1:8080 reaches its database, and cannot read the state there.',
      },
    },
  },
  {
    name: 'someone guesses the token of the dashboard',
    steps: one([pages.over, 40], [pages.guessed, 10]),
    fires: {
      ScopeStackSyncSignInsRefused: {
        summary: 'Sign-ins to the dashboard are refused, ten times or more in half an hour.',
      },
    },
  },
]

const minutesOf = (steps: readonly Step[]): number => steps.reduce((sum, [, minutes]) => sum + minutes, 0)

/** As Prometheus has it: a sample a minute, with the labels of the scrape. */
function seriesOf(instance: string, steps: readonly Step[]) {
  const of = `instance="${instance}",job="${JOB}"`
  const names = new Set(steps.flatMap(([page]) => [...(page?.samples.keys() ?? [])]))
  const series = [...names].map((name) => ({
    series: name.endsWith('}') ? `${name.slice(0, -1)},${of}}` : `${name}{${of}}`,
    values: steps.map(([page, minutes]) => valuesOf(page?.samples.get(name), minutes)).join(' '),
  }))
  const up = steps.map(([page, minutes]) => valuesOf(page === null ? 0 : 1, minutes)).join(' ')
  return [{ series: `up{${of}}`, values: up }, ...series]
}

function valuesOf(value: number | undefined, minutes: number): string {
  if (value === undefined) return `_x${minutes}`
  return Array.from({ length: minutes }, () => (value === Infinity ? 'Inf' : String(value))).join(' ')
}

const asTest = ({ name, steps, fires }: Case) => ({
  name,
  interval: '1m',
  input_series: Object.entries(steps).flatMap(([instance, those]) => seriesOf(instance, those)),
  alert_rule_test: [...alerts].map(([alertname, { labels, annotations }]) => {
    const firing = fires[alertname]
    const exp_labels = {
      ...(alertname === 'ScopeStackSyncNoProcess' ? {} : { job: JOB }),
      ...labels,
      ...firing?.labels,
    }
    const exp_annotations = { ...annotations, summary: firing?.summary }
    const eval_time = `${Math.max(...Object.values(steps).map(minutesOf)) - 1}m`
    return { eval_time, alertname, exp_alerts: firing === undefined ? [] : [{ exp_labels, exp_annotations }] }
  }),
})

async function testRules(tests: readonly object[], file = RULES): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-rules-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'test.yml')
  // JSON is YAML.
  await writeFile(path, JSON.stringify({ rule_files: [file], evaluation_interval: '1m', tests }))
  const { code, said } = await runPromtool(['test', 'rules', path])
  return code === 0 ? said.trim().replace(/^.*\n\s*/s, '') : said
}

let visit: Promise<States> | undefined
const states = (): Promise<States> => (visit ??= visitStates())

describeWith(promtool, 'there is no promtool')('what docs/ has for Prometheus and Grafana', () => {
  test('each alert rule fires in the state that it is for, and in no other', async () => {
    const { pages } = await states()
    const cases = [...casesOfFleet(pages), ...casesOfProcesses(pages)]
    expect(await testRules(cases.map(asTest))).toBe('SUCCESS')
    expect(new Set(cases.flatMap(({ fires }) => Object.keys(fires)))).toEqual(new Set(alerts.keys()))
  })

  test('promtool has nothing to say against the rules, nor against the page of metrics', async () => {
    const { text } = await states()
    expect(await runPromtool(['check', 'rules', '--lint=all', '--lint-fatal', RULES])).toMatchObject({
      code: 0,
      said: expect.stringMatching(/SUCCESS: \d+ rules found/) as string,
    })
    expect(await runPromtool(['check', 'metrics'], text)).toEqual({ code: 0, said: '' })
  })

  test('the configuration in docs/metrics.md is one of Prometheus, and loads the rules', async () => {
    const text = await readFile(join(DOCS, 'metrics.md'), 'utf8')
    const blocks = [...text.matchAll(/\n((?: {4}.*\n)+)/g)].map(([, block]) => block!.replaceAll(/^ {4}/gm, ''))
    const config = blocks.filter((block) => /^(scrape_configs|rule_files):/.test(block)).join('')
    expect(config).toMatch(/job_name: scopestack-sync\n(.*\n)+rule_files:/)
    const installed = '/etc/prometheus/scopestack-sync.yml'
    expect(blocks.join('')).toContain(`install -m 644 docs/prometheus/rules.yml ${installed}\n`)
    const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-rules-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = join(folder, 'prometheus.yml')
    await writeFile(file, config.replace(installed, RULES))
    const { code, said } = await runPromtool(['check', 'config', file])
    expect(said).toMatch(/1 rule files found\n(.*\n)*.*SUCCESS: \d+ rules found/)
    expect(code).toBe(0)
  })

  test('each expression of the dashboard finds something in what /metrics showed, and each metric is on it', async () => {
    const { pages } = await states()
    const dashboard = await readFile(join(DOCS, 'grafana/dashboard.json'), 'utf8')
    const expressions = expressionsIn(dashboard)
    const samples = new Map(Object.values(pages).flatMap((page) => [...(page?.samples ?? [])]))
    const tests = {
      interval: '1m',
      input_series: seriesOf('worker-1:8080', [[{ types: new Map(), samples }, 70]]),
      promql_expr_test: expressions.map((expr) => ({ expr: `absent(${expr})`, eval_time: '69m', exp_samples: [] })),
    }
    expect(await testRules([tests])).toBe('SUCCESS')

    const names = new Set([...samples.keys()].map((key) => key.split('{', 1)[0]!))
    const shown = new Set(expressions.flatMap((expr) => expr.match(/scopestack_sync_\w+/g) ?? []))
    expect([...shown].sort()).toEqual([...names].sort())
    const labels = new Set(['job', 'instance', ...[...samples.keys()].flatMap(labelsIn)])
    const named = [...dashboard.matchAll(/\{\{(\w+)\}\}|\bby \(([\w, ]+)\)/g)].flatMap(([, legend, by]) =>
      (legend ?? by!).split(', '),
    )
    expect(named.filter((label) => !labels.has(label))).toEqual([])
  })
})

const labelsIn = (key: string): string[] => [...key.matchAll(/(\w+)="/g)].map(([, label]) => label!)

interface Panel {
  readonly targets?: readonly { readonly expr: string }[]
}

/** With its variables as Grafana fills them in. */
const expressionsIn = (dashboard: string): string[] =>
  (JSON.parse(dashboard) as { panels: readonly Panel[] }).panels
    .flatMap(({ targets = [] }) => targets)
    .map(({ expr }) => expr.replaceAll('$__rate_interval', '10m').replaceAll('$job', '.+'))
