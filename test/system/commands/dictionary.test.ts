/** The dictionary as an analyst makes it: with a reader's rights, of an account that has more than the catalog knows. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import type { Dictionary, DictionaryTable } from '../../../src/dictionary/dictionary.ts'
import { createEmptyDatabase } from '../../support/postgres/database.ts'
import { CHROMIUM, launchBrowser } from '../../support/process/browser.ts'
import { runCli } from '../../support/process/cli.ts'
import { installed, testWith } from '../../support/process/installed.ts'
import { open, type Setting } from '../support/setting.ts'

/** Ends an element, an attribute, a cell and a comment; is Markdown; turns the reading order. */
const HOSTILE = `</td></script><script>alert(1)</script><img src=x onerror=alert(2)>" onmouseover='alert(3)' | \`[x](javascript:alert(4)) --> \u202e $x$`
const axe = await installed<{ readonly default: { readonly source: string } }>('axe-core')
const READER = `reader_${randomUUID().slice(0, 8)}`

let setting: Setting
let folder: string
const reading: Record<string, string> = {}

beforeAll(async () => {
  setting = await open()
  const { sql, sim, databaseUrl } = setting
  folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-dictionary-'))
  sim.records.update('clients', sim.records.list('clients')[0]!.id, {
    attributes: { 'user-defined-fields': [{ name: HOSTILE, label: HOSTILE, 'variable-type': 'text', value: 'a' }] },
  })
  await setting.pull('clients', 'tags', 'mes')
  await sql.unsafe(`alter table scopestack.clients add column "Größe <m²>" text`)
  await sql.unsafe(`comment on column scopestack.clients."Größe <m²>" is '${HOSTILE.replaceAll("'", "''")}'`)
  await sql.unsafe(`create view scopestack.report_of_mine as select name from scopestack.clients`)
  await sql.unsafe(`create role ${READER} login password 'secret'`)
  await sql`select sync.grant_reader(${READER}::regrole)`
  const url = new URL(databaseUrl)
  url.username = READER
  url.password = 'secret'
  reading['DATABASE_URL'] = url.href
})

afterAll(async () => {
  await setting.sql.unsafe(`drop owned by ${READER}; drop role ${READER}`)
  await setting[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** As the reader, without credentials for ScopeStack. */
const dictionary = (...args: string[]) => runCli(['dictionary', ...args], { env: reading, cwd: folder })

const tablesIn = ({ areas }: Dictionary): DictionaryTable[] => areas.flatMap(({ tables }) => tables)

test('a reader sees every table with its rows, how full its columns are, and what only this database has', async () => {
  const { stdout, stderr, code } = await dictionary('--json')
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  const made = JSON.parse(stdout) as Dictionary
  const tables = tablesIn(made)
  expect(made.source).toMatchObject({
    account: 'demo',
    role: READER,
    counted: true,
    hidden: expect.any(Number) as number,
  })
  expect([...catalog.values()].filter(({ table }) => !tables.some(({ name }) => name === table))).toEqual([])
  const clients = tables.find(({ name }) => name === 'clients')!
  const living = setting.sim.records.list('clients').length
  expect(clients).toMatchObject({ rows: living, deleted: 0, outcome: 'ok', resource: 'clients', kind: 'table' })
  expect(clients.referredBy).toContainEqual({ table: 'projects', column: 'client_id' })
  expect(clients.fields).toContainEqual({ name: HOSTILE, label: HOSTILE, type: 'text', filled: 1 })
  const column = (name: string) => clients.columns.find((one) => one.name === name)
  expect(column('id')).toMatchObject({ key: 'primary', filled: living, type: 'text' })
  expect(column('name')).toMatchObject({ filled: living, editable: true, origin: 'catalog' })
  expect(column('rate_table_id')).toMatchObject({ key: 'foreign', target: 'rate_tables' })
  expect(column('sync_changed_at')).toMatchObject({ origin: 'sync', type: 'timestamptz' })
  expect(column('Größe <m²>')).toMatchObject({ origin: 'account', filled: 0, comment: HOSTILE })
  expect(tables.find(({ name }) => name === 'report_of_mine')).toMatchObject({ kind: 'view', rows: null })
  expect(tables.map(({ name }) => name)).not.toContain('pending_changes')
  expect(clients.copies).toContain('scopestack_live.clients')
  const pairs = tables.find(({ schema, name }) => schema === 'scopestack_live' && name === 'projects_tags')!
  expect(pairs.columns.map(({ name, target }) => [name, target])).toEqual([
    ['project_id', 'projects'],
    ['tag_id', 'tags'],
    ['tag_name', null],
  ])
})

test('each column of the catalog is described, and has the type that the table has', async () => {
  const [made, known] = await Promise.all([dictionary('--json', '--no-counts'), dictionary('--json', '--catalog')])
  const tables = new Map(tablesIn(JSON.parse(made.stdout) as Dictionary).map((table) => [table.name, table]))
  for (const { name, columns } of tablesIn(JSON.parse(known.stdout) as Dictionary)) {
    const of = new Map(tables.get(name)!.columns.map((column) => [column.name, column]))
    for (const { name: column, type, comment } of columns) {
      expect(of.get(column), `${name}.${column}`).toMatchObject({ type, comment })
    }
    expect(tables.get(name)!.rows).toBeNull()
  }
})

testWith(CHROMIUM && axe)('the page runs nothing of the account, fits a narrow screen, and finds', async () => {
  const file = join(folder, 'dictionary.html')
  expect(await dictionary('--html', file)).toMatchObject({ code: 0, stderr: '' })
  const browser = await launchBrowser(CHROMIUM!)
  try {
    const page = await browser.newPage({ viewport: { width: 320, height: 800 } })
    const said: string[] = []
    page.on('dialog', (dialog) => void dialog.dismiss().then(() => said.push(dialog.message())))
    page.on('console', (message) => said.push(message.text()))
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) said.push(request.url())
    })
    await page.goto(pathToFileURL(file).href)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320)
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.locator('#clients').innerText()).toContain('<img src=x onerror=alert(2)>')
    expect(await page.locator('[onmouseover]').count()).toBe(0)
    const broken = await page.evaluate<string[]>(
      `[...document.querySelectorAll('a[href^="#"]')].map((a) => decodeURIComponent(a.hash.slice(1))).filter((id) => !document.getElementById(id))`,
    )
    expect(broken).toEqual([])
    await page.locator('#words').fill('rate_table client')
    expect(await page.locator('section.table:visible h3').allInnerTexts()).toContain('clients')
    expect(await page.locator('section.table:visible h3').allInnerTexts()).not.toContain('tags')
    // By the tool's protocol, which the page's policy does not bind.
    await page.evaluate(axe!.default.source)
    const violations = await page.evaluate<string[]>(
      `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes[0].html))`,
    )
    expect(violations).toEqual([])
    expect(said).toEqual([])
  } finally {
    await browser.close()
  }
})

test('a page is replaced by a newer one, and no other file is', async () => {
  const [page, other] = [join(folder, 'page.html'), join(folder, 'other.html')]
  await writeFile(other, 'mine')
  for (let time = 0; time < 2; time++) {
    expect(await dictionary('tags', '--html', page)).toMatchObject({
      code: 0,
      stdout: `${page} describes 1 tables and views.\n`,
    })
  }
  const refused = await dictionary('tags', '--html', other)
  expect(refused).toMatchObject({ code: 64, stdout: '' })
  expect(refused.stderr).toContain('it is left alone')
  expect(await readFile(other, 'utf8')).toBe('mine')
  expect(await dictionary('tags', '--html', join(folder, 'none/page.html'))).toMatchObject({ code: 1 })
  expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([])
})

test('Markdown has nothing of the account that is Markdown or HTML, and a diagram for each area', async () => {
  const { stdout } = await dictionary('--markdown')
  expect(stdout).not.toMatch(/(?<!\\)<(?:script|img|\/td)/)
  expect(stdout).not.toMatch(/(?<!\\)\]\(javascript/)
  expect(stdout.split('\n').filter((line) => line.startsWith('```mermaid'))).toHaveLength(8)
})

test('on a terminal and in a pipe: a list of tables, and the columns of those that are named', async () => {
  const list = await dictionary()
  expect(list.stdout).toMatch(/^ {2}clients +\d+ {2}One row per client, the company a project is sold to\.$/m)
  const some = await dictionary('Clients', 'scopestack.project-services')
  expect(some.stdout).toMatch(/^clients\n/m)
  expect(some.stdout).toMatch(/^project_services\n/m)
  expect(some.stdout).toMatch(/^ {2}rate_table_id +text/m)
  const wrong = await dictionary('client')
  expect(wrong).toMatchObject({ code: 64, stdout: '' })
  expect(wrong.stderr).toContain('"client" is no table that this shows; did you mean clients?')
  expect(await dictionary('--json', '--markdown')).toMatchObject({ code: 64 })
})

test('without a database it shows what every account has, and says so; a database without tables is an error', async () => {
  const without = await runCli(['dictionary'], { cwd: folder })
  expect(without).toMatchObject({ code: 0 })
  expect(without.stderr).toContain('this is what every account has')
  expect(without.stdout).toMatch(/^ {2}clients +One row per client/m)
  await using empty = await createEmptyDatabase()
  const nothing = await runCli(['dictionary'], { cwd: folder, env: { DATABASE_URL: empty.url } })
  expect(nothing).toMatchObject({ code: 1, stdout: '' })
  expect(nothing.stderr).toContain('(SYNC_DATABASE_REFUSED)')
  expect(nothing.stderr).toContain('With --catalog')
})

test('a role without rights is shown the statement that gives them', async () => {
  const { sql, databaseUrl } = setting
  const role = `Nothing_${randomUUID().slice(0, 8)}`
  await sql.unsafe(`create role "${role}" login password 'secret'`)
  const url = new URL(databaseUrl)
  url.username = role
  url.password = 'secret'
  const refused = await runCli(['dictionary'], { cwd: folder, env: { DATABASE_URL: url.href } })
  await sql.unsafe(`drop role "${role}"`)
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toContain(`select sync.grant_reader('"${role}"')`)
})
