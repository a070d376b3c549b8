import { expect, test } from 'vitest'
import { readRuns } from '../../support/tables/runs.ts'
import { jsonLines, open, versions } from '../support/setting.ts'

test.concurrent('a pull writes only the row of a record that changed at the remote', async () => {
  await using setting = await open()
  const { sim, sql, run } = setting
  await setting.pull('clients')
  const before = await versions(sql)
  const [client] = sim.records.list('clients')
  sim.records.update('clients', client!.id, { attributes: { name: 'Renamed & Sons' } })

  const { stdout } = await run('pull clients')
  expect(stdout).toContain('0 new, 1 changed')
  const after = await versions(sql)
  expect(after.filter(({ digest }, index) => digest !== before[index]?.digest).map(({ table }) => table)).toEqual([
    'clients',
  ])
  expect(await sql`select name from scopestack.clients where id = ${client!.id}`).toMatchObject([
    { name: 'Renamed & Sons' },
  ])
})

test.concurrent('only named resources are pulled: by type, by table, by SYNC_RESOURCES', async () => {
  await using setting = await open()
  const { run } = setting
  const pulled = async (command: string, env: Record<string, string> = {}) => {
    const { code, stdout, stderr } = await run(`${command} --json`, env)
    expect(code, stderr).toBe(0)
    const ended = jsonLines(stdout).all.filter(({ type }) => type === 'end')
    return ended.map(({ resource }) => String(resource)).sort()
  }
  expect(await pulled('pull clients projects')).toEqual(['clients', 'projects'])
  expect(await pulled('pull rate_tables Payment-Terms rate-tables')).toEqual(['payment-terms', 'rate-tables'])
  expect(await pulled('pull', { SYNC_RESOURCES: 'tags, vendors' })).toEqual(['tags', 'vendors'])
  // Arguments take precedence over settings.
  expect(await pulled('pull tags', { SYNC_RESOURCES: 'vendors' })).toEqual(['tags'])

  const misspelt = await run('pull cleints')
  expect(misspelt.code).toBe(64)
  expect(misspelt.stderr).toContain('"cleints" is no resource; did you mean clients?')
  expect((await run('pull', { SYNC_RESOURCES: 'cleints' })).stderr).toContain('did you mean clients?')
})

test.concurrent('with --json every line of stdout is an object, and the last one is the run', async () => {
  await using setting = await open()
  const { run } = setting
  const { code, stdout, stderr } = await run('pull clients tags --json')
  expect(code).toBe(0)
  expect(stderr).toBe('')
  const { all, last } = jsonLines(stdout)
  const rows = all.filter(({ type }) => type === 'end').reduce((sum, { seen }) => sum + Number(seen), 0)
  expect(last).toMatchObject({
    type: 'run',
    runId: 1,
    outcome: 'ok',
    resources: 2,
    seen: rows,
    inserted: rows,
    parked: 0,
  })
})

test.concurrent('results go to stdout, reasons and logs go to stderr', async () => {
  await using setting = await open()
  const { sim, run } = setting
  const good = await run('pull tags')
  expect(good.stderr).toBe('')
  expect(good.stdout).toMatch(/^✓ tags .*\n\nRun 1: 1 ok · .*\n$/)

  sim.addFault({ kind: '500', match: { type: 'tags' } })
  const logged = await run('pull tags', { LOG_LEVEL: 'debug' })
  expect(logged.stdout).toMatch(/^✓ tags .*\n\nRun 2: 1 ok · .*\n$/)
  const [line] = logged.stderr.trimEnd().split('\n')
  expect(JSON.parse(line!)).toMatchObject({ level: 20, code: 'SYNC_REMOTE_FAILED' })

  const bad = await run('pull tags', { SCOPESTACK_CLIENT_SECRET: 'wrong' })
  expect(bad.stdout).toBe('')
  expect(bad.stderr).toContain('refused the credentials')
})

test.concurrent('a run continues if the reader of its output stops reading', async () => {
  await using setting = await open()
  const { sql, run } = setting
  const { stderr, code } = await run('pull clients tags vendors', {}, { closeStdout: true })
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(await readRuns(sql, ['outcome'])).toMatchObject([{ outcome: 'ok' }])
})
