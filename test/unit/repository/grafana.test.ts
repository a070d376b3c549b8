/** docs/grafana/dashboard.json as Grafana imports it; what its expressions find is tested with the alert rules. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { serve } from '../../support/network/http.ts'
import { leftOut, testWith } from '../../support/process/installed.ts'

const ROOT = join(import.meta.dirname, '../../..')
const run = promisify(execFile)

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly datasource?: { readonly uid: string }
  readonly targets?: readonly {
    readonly refId: string
    readonly expr: string
    readonly legendFormat: string
    readonly datasource: { readonly uid: string }
  }[]
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
}

const dashboard = JSON.parse(readFileSync(join(ROOT, 'docs/grafana/dashboard.json'), 'utf8')) as {
  readonly id?: number
  readonly uid: string
  readonly title: string
  readonly schemaVersion: number
  readonly graphTooltip: number
  readonly time: { readonly from: string; readonly to: string }
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] }
  readonly panels: readonly Panel[]
}

const tools = await Promise.all([run('jq', ['--version']), run('curl', ['--version'])]).catch(() =>
  leftOut('jq or curl is not installed'),
)

test('it takes the data source that is chosen, and shows the age of the tables first', () => {
  const { panels, templating } = dashboard
  expect(dashboard.id).toBeUndefined()
  expect(templating.list.map(({ name, type }) => [name, type])).toEqual([
    ['datasource', 'datasource'],
    ['job', 'query'],
  ])
  const shown = panels.filter(({ type }) => type !== 'row')
  expect(shown[0]!.targets![0]!.expr).toContain('scopestack_sync_freshness_seconds')
  const sources = shown.flatMap(({ datasource, targets = [] }) => [datasource, ...targets.map((one) => one.datasource)])
  expect(new Set(sources.map((source) => source?.uid))).toEqual(new Set(['${datasource}']))
  const variables = JSON.stringify(panels).match(/\$\{?\w+/g) ?? []
  expect(new Set(variables)).toEqual(new Set(['${datasource', '$job', '$__rate_interval']))
})

test('no panel has the number or the place of another', () => {
  const { panels } = dashboard
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  const places = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
    expect(x + w).toBeLessThanOrEqual(24)
    return Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`)
  })
  expect(new Set(places).size).toBe(places.length)
})

test('it has the members of the dashboard model, within its limits', () => {
  const { uid, title, schemaVersion, graphTooltip, time, panels } = dashboard
  expect(uid).toMatch(/^[\w-]{8,40}$/)
  expect(title).not.toBe('')
  expect(Number.isInteger(schemaVersion)).toBe(true)
  expect([0, 1, 2]).toContain(graphTooltip)
  expect([time.from, time.to]).toEqual(['now-24h', 'now'])
  for (const { type, title: name, targets = [] } of panels) {
    expect(['row', 'table', 'stat', 'timeseries'], name).toContain(type)
    expect(name).not.toBe('')
    expect(new Set(targets.map(({ refId }) => refId)).size, name).toBe(targets.length)
  }
})

/** What a metric is measured in, by its name and by what is made of it. */
function unitOf(expr: string): 's' | 'reqps' | 'short' {
  if (/_seconds(_total)?\b/.test(expr) || expr.startsWith('time()')) return 's'
  return /rate\(scopestack_sync_process_(requests|retries)_total/.test(expr) ? 'reqps' : 'short'
}

/** Of what its outermost aggregation makes; of a metric as it is, the process that showed it. */
function labelsLeft(expr: string): string[] {
  const outermost = /^(?:topk\(\d+, )?(?:sum|max|count)(?: by \(([\w, ]+)\)|\()/.exec(expr)
  return outermost === null ? ['instance'] : (outermost[1]?.split(', ') ?? [])
}

test('each panel has the unit of its metrics, and each legend names labels that its expression leaves', () => {
  for (const { type, title, targets = [], fieldConfig } of dashboard.panels) {
    if (type !== 'stat' && type !== 'timeseries') continue
    for (const { expr, legendFormat } of targets) {
      expect([title, fieldConfig?.defaults.unit]).toEqual([title, unitOf(expr)])
      const left = labelsLeft(expr)
      const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!)
      expect(
        named.filter((label) => !left.includes(label)),
        `${title}: ${expr}`,
      ).toEqual([])
      // Lines that only their labels tell apart are told apart.
      if (type === 'timeseries') expect(named.length, `${title}: ${expr}`).toBe(left.length)
    }
  }
})

testWith(tools)('the command of docs/metrics.md sends it to Grafana', async () => {
  const [, command] = /\n((?: {4}jq .*\n)(?: {4}.*\n)+)/.exec(readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8'))!
  const received: unknown[] = []
  await using server = await serve((request, response) => {
    const { method, url, headers } = request
    let sent = ''
    request.setEncoding('utf8').on('data', (text: string) => (sent += text))
    request.on('end', () => {
      received.push([method, url, headers.authorization, JSON.parse(sent)])
      response.end('{}')
    })
  })
  const env = { ...process.env, GRAFANA_URL: server.url, GRAFANA_TOKEN: 'the-token', NO_PROXY: '*' }
  await run('sh', ['-c', command!], { cwd: ROOT, env, timeout: 20_000 })
  const body = { dashboard, overwrite: true }
  expect(received).toEqual([['POST', '/api/dashboards/db', 'Bearer the-token', body]])
})
