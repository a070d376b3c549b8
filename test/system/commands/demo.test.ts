import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { runCli } from '../../support/process/cli.ts'
import { readStates } from '../../support/tables/outbox.ts'
import { until } from '../../support/until.ts'

/** Resources that a command reads when none is named. */
const BY_DEFAULT = [...catalog.values()].filter(({ byDefault }) => byDefault).length

let temp: string
let env: { TMPDIR: string }

beforeEach(async () => {
  temp = await mkdtemp(join(tmpdir(), 'scopestack-sync-demos-'))
  // As root, the embedded Postgres runs as another user, who needs access.
  await chmod(temp, 0o711)
  env = { TMPDIR: temp }
})

afterEach(() => rm(temp, { recursive: true, force: true }))

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The process id of the Postgres that a demo started. */
const postgresPid = () =>
  until(async () => {
    const [folder] = (await readdir(temp)).filter((name) => name.startsWith('scopestack-sync-demo-'))
    const text = await readFile(join(temp, folder!, 'data', 'postmaster.pid'), 'utf8')
    return Number(text.split('\n')[0])
  }, 'its Postgres')

async function expectNothingLeft(pid: number): Promise<void> {
  expect(alive(pid), 'its Postgres still runs').toBe(false)
  expect(await readdir(temp)).toEqual([])
}

test('--exit shows the pull and the report, ends with 0, leaves nothing behind, and no setting changes that', async () => {
  const settings = {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgres://me@127.0.0.1:1/books',
    SCOPESTACK_API_URL: 'http://127.0.0.1:1',
    SYNC_RESOURCES: 'clients',
  }
  const demo = runCli(['demo', '--exit', '--projects', '20'], { env: { ...settings, ...env } })
  const pid = await postgresPid()
  const { code, stdout, stderr } = await demo
  expect(code, stderr).toBe(0)
  expect(stderr).toBe('')
  expect(stdout).toContain('A simulated ScopeStack account with 20 projects answers at http://127.0.0.1:')
  expect(stdout.match(/^✓ /gm)).toHaveLength(BY_DEFAULT)
  expect(stdout).toMatch(/^✓ projects +20 +20 new/m)
  expect(stdout).toMatch(new RegExp(`Run 1: ${BY_DEFAULT} ok · ([\\d,]+) records: \\1 new, 0 changed, 0 unchanged`))
  expect(stdout).toMatch(
    /Pipeline \(scopestack\.report_project_pipeline\)\n\n +status +projects +revenue +margin +hours\n/,
  )
  expect(stdout).toMatch(/Best clients \(scopestack\.report_client_revenue\)/)
  expect(stdout).toMatch(/Data as of \d{4}-\d\d-\d\dT/)
  expect(stdout).toMatch(/^ {2}PATCH \/\{account\}\/v1\/clients\/\{id\} +1$/m)
  expect(stdout).toMatch(/^ {2}1 +update +clients \d+ +sent$/m)
  await expectNothingLeft(pid)
})

/** Until Ctrl-C: test/system/terminal/ctrl-c.test.ts. */
test('it stays up to be looked at until SIGHUP', async () => {
  let said = ''
  const demo = runCli(['demo', '--projects', '2'], { env, onStdout: (text) => (said = text) })
  await until(() => said.includes('Both stay up until Ctrl-C'), 'the demo being ready')
  const pid = await postgresPid()
  const [stats] = /http:\S+\/_control\/stats/.exec(said)!
  expect((await fetch(stats)).status).toBe(200)
  const [, url] = /psql (postgres:\/\/\S+)/.exec(said)!
  const sql = postgres(url!, { max: 1, onnotice: () => {} })
  const [client] = await sql<{ id: string }[]>`
    update scopestack.clients set domain = 'made-meanwhile.example' where id = (select min(id) from scopestack.clients) returning id`
  await until(() => said.includes(`the change of clients ${client!.id}: sent`), 'the edit being shown as sent')
  expect((await readStates(sql)).at(-1)).toBe('sent')
  await sql.end()

  demo.kill('SIGHUP')
  const { code, stderr } = await demo
  expect(code).toBe(0)
  expect(stderr).toBe('')
  await expectNothingLeft(pid)
})

test('a demo that is stopped during its pull cleans up too', async () => {
  let said = ''
  const demo = runCli(['demo', '--projects', '300'], { env, onStdout: (text) => (said = text) })
  await until(() => said.includes('✓'), 'the first list being read')
  const pid = await postgresPid()
  demo.kill('SIGINT')
  const { code, stderr } = await demo
  expect(code).toBe(1)
  expect(stderr).toBe('Stopped on request. The demo keeps nothing. (SYNC_STOPPED)\n')
  await expectNothingLeft(pid)
})
