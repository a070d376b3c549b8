/** The commands of writing back, as a person types them. */
import { expect, test } from 'vitest'
import { jsonLines, open } from './setting.ts'

test('shows what would be sent, sends it, and says what was set aside and how to settle it', async () => {
  await using setting = await open()
  const { run, sim, sql } = setting
  await run('pull')
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
  expect(planned.stdout).toMatch(/^ +ScopeStack has another value: set aside \(Theirs\)$/m)
  expect(planned.stdout).toMatch(/^POST \/demo\/v1\/vendors$/m)
  expect(planned.stdout).toMatch(/\n4 records\. Nothing was sent\.\n$/)
  expect(sim.records.read('clients', one!)).toEqual(before)

  const pushed = await run('push')
  if (process.env['LOOK']) console.log(pushed.stdout)
  expect(pushed.code).toBe(2)
  expect(pushed.stdout).toMatch(/2 sent · 2 parked: see "changes list"\.\n$/)
  expect(sim.records.read('clients', one!)!.attributes).toMatchObject({ domain: 'mine.test', 'msa-date': '2027-01-02' })

  expect((await run('status')).stdout).toMatch(/\nLocal edits: 2 set aside, see "changes list"\.\n$/)
  const listed = await run('changes list')
  if (process.env['LOOK']) console.log(listed.stdout)
  expect(listed.stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
  const parked = jsonLines((await run('changes list --json')).stdout).all
  expect(parked).toMatchObject([
    { recordId: two, state: 'parked', code: 'SYNC_PUSH_CONFLICT' },
    { recordId: three, state: 'parked', code: 'SYNC_PUSH_INVALID', errors: [{ column: 'name' }] },
  ])
  const [conflict, refused] = parked.map(({ id }) => String(id))
  const shown = await run(`changes show ${conflict} ${refused}`)
  if (process.env['LOOK']) console.log(shown.stdout)
  expect(shown.stdout).toMatch(/name: has already been taken/)
  expect(shown.stdout).toMatch(/ → Mine\n +ScopeStack has another value: set aside \(Theirs\)$/m)

  expect((await run(`changes resolve ${conflict} --keep local`)).stdout).toBe(
    `Change ${conflict} waits to be sent over what ScopeStack holds.\n`,
  )
  expect((await run(`changes discard ${refused}`)).stdout).toBe(`Change ${refused} is discarded.\n`)
  const again = await run('push --json')
  expect(again.code).toBe(0)
  expect(jsonLines(again.stdout).last).toMatchObject({ type: 'push', sent: 1, parked: 0, left: {} })
  expect(sim.records.read('clients', two!)!.attributes['name']).toBe('Mine')

  await run('pull')
  const [row] = await sql`select name from scopestack.clients where id = ${three!}`
  expect(row).toEqual({ name: sim.records.read('clients', three!)!.attributes['name'] })
  expect((await run('changes list')).stdout).toBe('No change waits, and none is parked.\n')
})

test('says what is wrong with a command before anything is opened', async () => {
  await using setting = await open()
  for (const [command, sentence] of [
    ['changes show', '"changes show" takes the id of a change; "changes list" shows them.'],
    ['changes forget 3', '"changes" takes list, show, retry, discard or resolve, not "forget".'],
    ['changes resolve 3', '"changes resolve" takes --keep local or --keep remote.'],
    ['changes retry x', '"x" is not the id of a change; "changes list" shows them.'],
    ['changes show 3', 'There is no change 3. "changes list --all" shows all of them.'],
  ] as const) {
    const { code, stderr } = await setting.run(command)
    expect({ code, stderr }).toEqual({ code: 64, stderr: `${sentence}\n(SYNC_USAGE)\n` })
  }
  const { code, stderr } = await setting.run('push', { SYNC_CONFLICT: 'client=local-wins' })
  expect(code).toBe(78)
  expect(stderr).toContain('SYNC_CONFLICT: client is nothing that is written.')
})
