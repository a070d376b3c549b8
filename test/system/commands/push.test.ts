/** `push` and `changes` from the command line. */
import { expect, test } from 'vitest'
import { createEmptyDatabase } from '../../support/postgres/database.ts'
import { expirePush, holdPush } from '../../support/tables/fleet.ts'
import { postponeLookups, postponeUpdates, readChanges, readStates } from '../../support/tables/outbox.ts'
import { until } from '../../support/until.ts'
import { jsonLines, open } from '../support/setting.ts'

test('shows the plan, sends it, and says what was parked and how to settle it', async () => {
  await using setting = await open()
  const { run, sim, sql } = setting
  await setting.pull('clients', 'vendors')
  const [one, two, three] = sim.records.list('clients').map(({ id }) => id)
  await sql`update scopestack.clients set domain = 'mine.test', msa_date = '2027-01-02' where id = ${one!}`
  await sql`update scopestack.clients set name = 'Mine' where id = ${two!}`
  await sql`insert into scopestack.vendors (name, city) values ('Fresh', 'Here')`
  sim.records.update('clients', two!, { attributes: { name: 'Theirs' } })
  const taken = String(sim.records.read('clients', one!)!.attributes['name'])
  await sql`update scopestack.clients set name = ${taken} where id = ${three!}`

  const before = sim.records.read('clients', one!)
  const planned = await run('push --plan')
  if (process.env['LOOK']) console.log(planned.stdout)
  expect(planned.code).toBe(0)
  expect(planned.stdout).toMatch(new RegExp(`^PATCH /demo/v1/clients/${one}\\n`))
  expect(planned.stdout).toMatch(/^ {4}domain {4}\S+ → mine\.test$/m)
  expect(planned.stdout).toMatch(/^ +ScopeStack has another value: parked \(Theirs\)$/m)
  expect(planned.stdout).toMatch(/^POST \/demo\/v1\/vendors$/m)
  expect(planned.stdout).toMatch(/\n4 records\. Nothing was sent\.\n$/)
  expect(sim.records.read('clients', one!)).toEqual(before)

  const pushed = await run('push')
  if (process.env['LOOK']) console.log(pushed.stdout)
  expect(pushed.code).toBe(2)
  expect(pushed.stdout).toMatch(/2 sent · 2 parked: see "changes list"\.\n$/)
  expect(sim.records.read('clients', one!)!.attributes).toMatchObject({ domain: 'mine.test', 'msa-date': '2027-01-02' })

  expect((await run('status')).stdout).toMatch(
    /^ {2}2 local edits parked, see "changes list"\. \(SYNC_CHANGES_PARKED\)$/m,
  )
  const listed = await run('changes list')
  if (process.env['LOOK']) console.log(listed.stdout)
  expect(listed.stdout).toMatch(/"changes resolve \d+ --keep local"/)
  const parked = jsonLines((await run('changes list --json')).stdout).all
  expect(parked).toMatchObject([
    { recordId: two, state: 'parked', code: 'SYNC_PUSH_CONFLICT' },
    { recordId: three, state: 'parked', code: 'SYNC_PUSH_INVALID', errors: [{ column: 'name' }] },
  ])
  const [conflict, refused] = parked.map(({ id }) => String(id))
  const shown = await run(`changes show ${conflict} ${refused}`)
  if (process.env['LOOK']) console.log(shown.stdout)
  expect(shown.stdout).toMatch(/name: has already been taken/)
  expect(shown.stdout).toMatch(/ → Mine\n +ScopeStack has another value: parked \(Theirs\)$/m)

  expect((await run(`changes resolve ${conflict} --keep local`)).stdout).toBe(
    `Change ${conflict} waits to be sent over what ScopeStack holds.\n`,
  )
  expect((await run(`changes discard ${refused}`)).stdout).toBe(`Change ${refused} is discarded.\n`)
  const again = await run('push --json')
  expect(again.code).toBe(0)
  expect(jsonLines(again.stdout).last).toMatchObject({ type: 'push', sent: 1, parked: 0, left: {} })
  expect(sim.records.read('clients', two!)!.attributes['name']).toBe('Mine')

  await setting.pull('clients')
  const [row] = await sql`select name from scopestack.clients where id = ${three!}`
  expect(row).toEqual({ name: sim.records.read('clients', three!)!.attributes['name'] })
  expect((await run('changes list')).stdout).toBe('No change waits, and none is parked.\n')
})

test('reports mistakes in a command before anything is opened', async () => {
  await using setting = await open()
  for (const [command, sentence] of [
    ['changes show', '"changes show" takes the id of a change; "changes list" shows them.'],
    ['changes forget 3', '"changes" takes list, show, retry, discard or resolve, not "forget".'],
    ['changes resolve 3', '"changes resolve" takes --keep local or --keep remote.'],
    ['changes', '"changes" takes list, show, retry, discard or resolve.'],
    ['changes list --keep local', '--keep is for "changes resolve"; "changes list" does not take it.'],
    ['changes show 1 --all', '--all is for "changes list"; "changes show" does not take it.'],
    ['changes retry x', '"x" is not the id of a change; "changes list" shows them.'],
    ['changes show 3', 'There is no change 3. "changes list --all" shows all of them.'],
  ] as const) {
    const { code, stderr } = await setting.run(command)
    expect({ code, stderr }).toEqual({ code: 64, stderr: `${sentence} (SYNC_USAGE)\n` })
  }
  const { code, stderr } = await setting.run('push', { SYNC_CONFLICT: 'client=local-wins' })
  expect(code).toBe(78)
  expect(stderr).toContain('SYNC_CONFLICT: client is nothing that is written. There are clients, ')
})

test('several changes are settled together or not at all, and --json gives the reason', async () => {
  await using setting = await open()
  const { run, sql } = setting
  await setting.pull('vendors')
  expect(await run('push')).toMatchObject({ code: 0, stdout: 'Nothing waits to be sent.\n' })
  await sql`insert into scopestack.vendors (name) select 'Vendor ' || n from generate_series(1, 205) n`
  const [oldest] = await readChanges(sql, ['id'])
  const first = oldest!.id
  const listed = await run('changes list')
  expect(listed.stdout).toMatch(/\n {2}… 5 more, older ones; --json has all\.\n$/)
  expect(listed.stdout).not.toMatch(new RegExp(`^ +${first} `, 'm'))
  expect(listed.stdout).toMatch(new RegExp(`^ +${first + 204} `, 'm'))
  expect(jsonLines((await run('changes list --json')).stdout).all).toHaveLength(205)

  const refused = await run(`changes discard ${first} 9999 --json`)
  expect(refused.code).toBe(64)
  expect(jsonLines(refused.stdout).all).toMatchObject([{ type: 'error', code: 'SYNC_USAGE' }])
  expect(refused.stderr).toContain('There is no change 9999. "changes list --all" shows all of them.')
  expect(new Set(await readStates(sql))).toEqual(new Set(['waiting']))
  const { code, stdout } = await run(`changes discard ${first} ${first + 1}`)
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `Change ${first} is discarded.\nChange ${first + 1} is discarded.\n`,
  })
  const settled = await run(`changes resolve ${first} --keep local`)
  expect(settled.stderr).toBe(`Change ${first} is discarded already; nothing is left to decide. (SYNC_USAGE)\n`)
})

test('says why it leaves a change, and retries at once a change that failed at ScopeStack before', async () => {
  await using setting = await open()
  const { run, sim, sql } = setting
  await setting.pull('clients', 'projects')
  const [client] = sim.records.list('clients')
  await sql`insert into scopestack.clients (name) values ('New')`
  await sql`
    insert into scopestack.projects (project_name, client_id)
    select 'Behind it', id from scopestack.clients where name = 'New'`
  await sql`update scopestack.clients set domain = 'mine.test' where id = ${client!.id}`
  await postponeUpdates(sql, 'It failed.')
  await postponeLookups(sql)
  sim.addFault({ kind: 'lost-answer', match: { method: 'POST', type: 'clients' } })
  sim.addFault({ kind: '429', retryAfter: 1, match: { method: 'PATCH' } })
  const pushed = await run('push')
  expect(pushed.code).toBe(2)
  expect(sim.records.read('clients', client!.id)!.attributes['domain']).toBe('mine.test')
  expect(pushed.stdout).toMatch(/^Change \d+: Next lookup in \d{3} s:\s/m)
  expect(pushed.stdout).toMatch(/^Change \d+: Waits for change \d+, the new row that it refers to\.$/m)
  expect(pushed.stdout).toMatch(/\n1 sent · 2 tried again later\.\n$/)
  expect(pushed.stderr).toBe('ScopeStack asks to wait 1 s before the next request (429).\n')
  const { stdout } = await run('changes list')
  expect(stdout).toMatch(/^ {2}\d+: Waits for change \d+, the new row that it refers to\.$/m)
  expect(jsonLines((await run('changes list --json')).stdout).all).toMatchObject([
    { op: 'create' },
    { op: 'create', waits: { parent: { state: 'sending' } } },
  ])
  const planned = await run('push --plan')
  expect(planned.stdout).toMatch(
    /^POST \/demo\/v1\/clients .*looked up first[^]*\nPOST \/demo\/v1\/projects {2}after the new row/,
  )
})

test('says of what waits behind a parked new row that it does, and not that it is tried again', async () => {
  await using setting = await open()
  const { run, sim, sql } = setting
  await setting.pull('clients', 'projects', 'project-locations')
  const [taken] = sim.records.list('clients')
  await sql.unsafe(`
    with client as (insert into scopestack.clients (name) values ('${String(taken!.attributes['name'])}') returning id),
      project as (insert into scopestack.projects (project_name, client_id) select 'Behind it', id from client returning id)
    insert into scopestack.project_locations (name, project_id) select 'Behind that', id from project`)
  await sql`update scopestack.clients set domain = 'goes.test' where id = ${taken!.id}`
  const pushed = await run('push')
  expect(pushed.code).toBe(2)
  const [client] = await readChanges(sql, ['id'], { state: 'parked' })
  expect(pushed.stdout.replaceAll(/\n +/g, ' ')).toMatch(
    new RegExp(
      `^Change \\d+: Waits for change ${client!.id}, the new row that it refers to, which is parked: see "changes show ${client!.id}"\\.$`,
      'm',
    ),
  )
  expect(pushed.stdout).toMatch(/\n1 sent · 2 wait for a parked one · 1 parked: see "changes list"\.\n$/)
})

test('waits for another process that pushes, says for which, and sends what that one left', async () => {
  await using setting = await open()
  const { run, sim, sql } = setting
  await setting.pull('vendors')
  await sql`update scopestack.vendors set city = 'Behind it' where id = ${sim.records.list('vendors')[0]!.id}`
  await holdPush(sql)
  let stderr = ''
  const pushing = run('push', {}, { onStderr: (text) => (stderr = text) })
  await until(() => stderr.includes('Another process pushes; this one waits for it.'), 'the note of the second push')
  expect(stderr).toMatch(/push is in use by the other process since/)
  expect(await readStates(sql)).toEqual(['waiting'])
  await expirePush(sql)
  expect(await pushing).toMatchObject({ code: 0, stdout: '1 sent.\n' })
})

test('plans changes that refer to a new row after it, however late that row was edited', async () => {
  await using setting = await open()
  const { run, sql } = setting
  await setting.pull('clients', 'projects')
  await sql`
    with c as (insert into scopestack.clients (name) values ('New') returning id)
    insert into scopestack.projects (project_name, client_id) select 'Behind it', id from c`
  await sql`update scopestack.clients set domain = '' where name = 'New'`
  const { stdout } = await run('push --plan')
  expect(stdout).toMatch(
    /^POST \/demo\/v1\/clients\n[^]*^POST \/demo\/v1\/projects {2}after the new row it refers to\n/m,
  )
  // Without a terminal an id is not shortened.
  expect(stdout).toMatch(/ → local-[0-9a-f-]{36}$/m)
  expect((await run('status', { SYNC_PUSH: 'off' })).stdout).toMatch(
    /^Local edits: \d waiting for "push", since SYNC_PUSH is off\.$/m,
  )
})

test('plans the search before a create, and says if there is no key to search by', async () => {
  await using setting = await open()
  const { run, sql, sim } = setting
  await setting.pull('clients', 'projects', 'vendors', 'project-documents')
  const [project] = sim.records.list('projects')
  await sql`insert into scopestack.vendors (name, city) values ('Fresh', 'Here')`
  await sql`insert into scopestack.products (name, sku) values ('Thing', 'T-1')`
  await sql`insert into scopestack.vendors (city) values ('Nameless')`
  await sql`insert into scopestack.project_documents (project_id, template_id) values (${project!.id}, 'pricing')`
  await sql`update scopestack.clients set domain = 'mine.test' where id = ${sim.records.list('clients')[0]!.id}`
  const { stdout } = await run('push --plan')
  if (process.env['LOOK']) console.log(stdout)
  const part = (of: string): string => stdout.split('\n\n').find((text) => text.includes(of))!
  const nothing = /^ {4}has no field to be looked up by: a lost response parks it as unknown$/m
  expect(part('Fresh')).toMatch(/^ {4}looked up before it is created: name = Fresh$/m)
  expect(part('T-1')).toMatch(/^ {4}looked up before it is created: name = Thing, sku = T-1, product_id = –$/m)
  expect(part('Nameless')).toMatch(nothing)
  expect(part('project-documents')).toMatch(nothing)
  expect(part('PATCH')).not.toMatch(/looked up/)
  const planned = jsonLines((await run('push --plan --json')).stdout).all.map(({ method, lookUp }) => [method, lookUp])
  expect(planned).toEqual([
    ['POST', { name: 'Fresh' }],
    ['POST', { name: 'Thing', sku: 'T-1', 'product-id': null }],
    ['POST', null],
    ['POST', null],
    ['PATCH', undefined],
    [undefined, undefined],
  ])
})

test('without tables it says how to create them, also with --json', async () => {
  await using setting = await open({}, createEmptyDatabase())
  const { code, stdout, stderr } = await setting.run('changes list --json')
  expect(code).toBe(1)
  expect(stderr).toContain('Run the command "migrate"')
  expect(jsonLines(stdout).all).toMatchObject([{ type: 'error', code: 'SYNC_DATABASE_REFUSED' }])
  const help = await setting.run('changes --help')
  expect(help.stdout).toContain('Usage: scopestack-sync changes [options] [action] [id...]\n')
})
