/** The catalog compared with an account that has changed, and the resource files that discover updates. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import type { Resource } from '../../../src/catalog/resource.ts'
import { readDrift } from '../../support/tables/progress.ts'
import { startProxy } from '../support/proxy.ts'
import { contents, open } from '../support/setting.ts'

type Attributes = Record<string, unknown>
interface List {
  data: { attributes: Attributes; relationships: Record<string, unknown> }[]
}

const gizmo = (id: string) => ({
  type: 'gizmos',
  id,
  attributes: { name: `Gizmo ${id}`, weight: `${id}.50`, 'made-at': '2026-11-23T10:00:00Z' },
  relationships: { client: { links: {} } },
})

const DOCUMENT = { openapi: '3.0.1', paths: { '/{account-slug}/v1/gizmos': { get: {} }, '/v1/clients': { get: {} } } }
const ADDED: Readonly<Record<string, unknown>> = {
  '/docs': '<script>SwaggerUIBundle({ url: "/docs/v1/openapi.json" })</script>',
  '/docs/v1/openapi.json': DOCUMENT,
  '/demo/v1/gizmos': { data: [gizmo('1'), gizmo('2')], meta: { 'record-count': 2, 'page-count': 1 } },
}

/** An account with members that the catalog lacks, and with an OpenAPI document. */
async function openAhead() {
  const setting = await open()
  const proxy = await startProxy(setting.sim.url, {
    before({ url = '' }) {
      const body = ADDED[url.split('?')[0]!]
      if (body === undefined) return undefined
      return { status: 200, body: typeof body === 'string' ? body : JSON.stringify(body) }
    },
    after({ url = '' }, body) {
      if (!url.startsWith('/demo/v1/clients?')) return body
      const list = JSON.parse(body) as Partial<List>
      // A refused include.
      if (list.data === undefined) return body
      for (const [at, { attributes, relationships }] of list.data.entries()) {
        Object.assign(attributes, { 'risk-level': at, 'signed-on': '2026-11-23', 'msa-date': 'soon', nothing: null })
        delete attributes['domain']
        relationships['owner'] = { links: {} }
        relationships['parent'] = { data: { type: 'clients', id: '1' } }
      }
      return JSON.stringify(list)
    },
  })
  return {
    setting,
    env: { SCOPESTACK_AUTH_URL: proxy.url, SCOPESTACK_API_URL: proxy.url },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      await setting[Symbol.asyncDispose]()
    },
  }
}

test('reports the members that the catalog lacks, and writes them', async () => {
  await using ahead = await openAhead()
  const { env } = ahead
  const { sql, run } = ahead.setting
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-discover-'))
  const before = await contents(sql)

  const { code, stdout, stderr } = await run(`discover --write ${folder}/src/resources`, env)
  expect(stderr).toBe('')
  expect(code).toBe(2)
  const block = stdout.slice(stdout.indexOf('clients:'), stdout.indexOf('\n\n', stdout.indexOf('clients:')))
  expect(block).toMatch(/^clients: \d+ records read$/m)
  expect(block).toMatch(/^ {2}new {6}risk-level +integer$/m)
  expect(block).toMatch(/^ {2}new {6}signed-on +date$/m)
  expect(block).toMatch(/^ {2}new {6}nothing +no value so far$/m)
  expect(block).toMatch(/^ {2}new {6}owner +relationship; its type is not reported$/m)
  expect(block).toMatch(/^ {2}new {6}parent +to-one, clients$/m)
  expect(block).toMatch(/^ {2}misfit {3}msa-date +\d+ values do not fit date; text would$/m)
  expect(block).toMatch(/^ {2}gone {5}domain +no record carries it$/m)
  expect(stdout).toMatch(/^gizmos: 2 records read\n {2}absent {3}gizmos +not declared by any file$/m)
  expect(stdout).toMatch(/^ {2}new {6}notes +to-many, notes$/m)
  expect(stdout).toContain("Lists of the API's own description, /docs/v1/openapi.json, not declared:")
  for (const line of stdout.split('\n')) if (!line.includes(folder)) expect(line.length, line).toBeLessThanOrEqual(80)

  // Nothing of it is in the mirror or in the tables of runs.
  expect(await contents(sql)).toEqual(before)
  expect(await readDrift(sql, [])).toHaveLength(0)

  const files = await readdir(join(folder, 'src/resources'))
  for (const file of files) expect(stdout).toContain(`  ${join(folder, 'src/resources', file)}\n`)
  await mkdir(join(folder, 'src/catalog'))
  await writeFile(
    join(folder, 'src/catalog/resource.ts'),
    `export * from '${join(import.meta.dirname, '../../../src/catalog/resource.ts')}'\n`,
  )
  const require = createRequire(import.meta.url)
  const written = (type: string): Resource =>
    (require(join(folder, 'src/resources', `${type}.ts`)) as { default: Resource }).default
  expect(files.map((file) => written(file.slice(0, -3)).type)).toEqual(files.map((file) => file.slice(0, -3)))
  const declared = catalog.get('clients')!
  const added = written('clients').columns.filter(
    ({ name }) => !declared.columns.some((column) => column.name === name),
  )
  expect(added).toMatchObject([
    { name: 'industry', kind: 'text' },
    { name: 'risk_level', kind: 'integer' },
    { name: 'signed_on', kind: 'date', comment: 'Signed on; not described yet, seen as date.' },
    { name: 'parent_id', from: 'to-one', target: 'clients' },
  ])
  expect(written('clients').columns.find(({ name }) => name === 'msa_date')).toMatchObject({ kind: 'text' })
  expect(written('clients').columns.map(({ name }) => name)).toContain('domain')
  expect(written('gizmos')).toMatchObject({
    table: 'gizmos',
    confidence: 'low',
    columns: [
      { name: 'name', kind: 'text' },
      { name: 'weight', kind: 'decimal' },
      { name: 'made_at', kind: 'timestamp' },
    ],
  })

  const again = await run(`discover clients --write ${folder}/src/resources`, env)
  expect(again.stdout).toMatch(/^ {2}replaced {2}\d members {3}\S+clients\.ts$/m)
  await rm(folder, { recursive: true })
})

test('--json reports the same for the named resources', async () => {
  await using ahead = await openAhead()
  const { code, stdout } = await ahead.setting.run('discover clients phases --json', ahead.env)
  expect(code).toBe(2)
  const { resources, document } = JSON.parse(stdout) as { resources: object[]; document: unknown }
  expect(document).toBeNull()
  expect(resources).toMatchObject([
    {
      resource: 'clients',
      state: 'read',
      findings: expect.arrayContaining([
        { kind: 'attribute', member: 'nothing', suggests: null, carried: expect.any(Number) as number, told: 0 },
        { kind: 'gone', member: 'domain', shape: 'attribute' },
      ]) as object[],
    },
    { resource: 'phases', state: 'read', findings: [] },
  ])
})

test('continues after a resource that cannot be read, and ends with 0 if nothing differs', async () => {
  await using setting = await open()
  const { sim, run } = setting
  sim.setSwitches({ forbidden: ['tags'], refusedIncludes: { vendors: ['quotes'] } })
  const same = await run('discover phases tags')
  expect(same.stdout).toBe('1 of 2 resources are as declared, 0 differ.\nThe role may not see (403): tags\n')
  expect(same.code).toBe(0)
  const refused = await run('discover vendors')
  expect(refused.stdout).toMatch(/^ {2}refused {2}include=quotes +the server refuses it$/m)
  expect(refused.stdout).not.toContain('--write')
  expect(refused.code).toBe(2)
})

test('reads by the next declared read method, and takes another name of a type for the type', async () => {
  await using setting = await open()
  const { sim, run } = setting
  sim.setSwitches({ missingLists: ['quotes'], lobType: 'lobs' })
  const { stdout } = await run('discover quotes services --json')
  const { resources } = JSON.parse(stdout) as { resources: object[] }
  expect(resources).toMatchObject([
    {
      resource: 'quotes',
      state: 'read',
      met: sim.records.list('quotes').length,
      findings: expect.arrayContaining([expect.objectContaining({ member: 'quote-number' })]) as object[],
    },
    { resource: 'services', state: 'read', findings: [] },
  ])
})

test('reads no more than three pages from either end of a long list, and finds what only its last page has', async () => {
  await using setting = await open()
  const { sim, run } = setting
  for (let number = 0; number < 200; number++)
    sim.records.create('clients', { attributes: { name: `Client ${number}` } })
  sim.records.update('clients', sim.records.list('clients').at(-1)!.id, { attributes: { colour: 'red' } })
  const { stdout } = await run('discover clients', { SYNC_PAGE_SIZE: '10' })
  expect(stdout).toMatch(/^clients: \d\d of 2\d\d records sampled$/m)
  expect(stdout).toMatch(/^ {2}new {6}colour +text, in 1 of them, from one value$/m)
  const pages = new Set(sim.stats().pages['clients'])
  expect(pages.size).toBe(6)
})

test('does not take a resource name for a folder, and reports a folder that it cannot write to', async () => {
  await using setting = await open()
  const taken = await setting.run('discover --write clients')
  expect(taken.code).toBe(64)
  expect(taken.stderr).toContain('Name the resources first: discover clients --write')
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-discover-'))
  await writeFile(join(folder, 'file'), '')
  const refused = await setting.run(`discover clients --write ${folder}/file/resources`)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(/cannot be written: .* \(SYNC_NOT_WRITABLE\)/)
  await mkdir(join(folder, 'there'))
  await rm(folder, { recursive: true })
  expect(await readFile(join(import.meta.dirname, '../../../src/resources/clients.ts'), 'utf8')).not.toContain(
    'industry',
  )
})
