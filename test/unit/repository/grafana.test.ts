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
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[]
}

const dashboard = JSON.parse(readFileSync(join(ROOT, 'docs/grafana/dashboard.json'), 'utf8')) as {
  readonly id?: number
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
