import { expect, test } from 'vitest'
import { createNewDatabase } from '../../support/postgres/database.ts'
import { runCli } from '../../support/process/cli.ts'
import { until } from '../../support/until.ts'

/** Starts it and returns its output once it is ready. */
async function start(...options: string[]) {
  let said = ''
  const process = runCli(['simulator', '--port', '0', '--projects', '2', ...options], {
    onStdout: (text) => (said = text),
  })
  await until(() => said.includes('_control/stats'), 'the simulator being ready')
  const env = Object.fromEntries([...said.matchAll(/^ {2}([A-Z_]+)=(\S+)$/gm)].map(([, name, value]) => [name, value]))
  return { process, said, env: env as Record<string, string>, url: env['SCOPESTACK_API_URL']! }
}

test.each(['SIGTERM', 'SIGINT'] as const)('what it prints is all that a pull needs, until %s', async (name) => {
  await using database = await createNewDatabase()
  const { process, env, url } = await start()
  const pull = await runCli(['pull', 'clients', 'tags'], {
    env: { ...env, DATABASE_URL: database.url, SYNC_RATE: '0' },
  })
  expect(pull.code, pull.stderr).toBe(0)
  const stats = (await (await fetch(`${url}/_control/stats`)).json()) as object
  // Its one page, and three counts of the records that the filter of its list may hide.
  expect(stats).toMatchObject({ tokenRequests: 1, pages: { clients: [1, 1, 1, 1] } })

  process.kill(name)
  expect(await process).toMatchObject({ code: 0, stderr: '' })
})

test('its options set profile, page size, seed and latency, and a port that is taken is reported', async () => {
  const { process, url } = await start('--profile', 'library', '--page-max', '7', '--seed', '3', '--latency', '1')
  const switches = (await (await fetch(`${url}/_control/switches`)).json()) as object
  expect(switches).toMatchObject({ pageMax: 7, latency: 1, linksWithAccount: false })
  const port = new URL(url).port

  const taken = await runCli(['simulator', '--port', port])
  expect(taken).toMatchObject({ code: 64, stdout: '' })
  expect(taken.stderr).toContain(`Port ${port} is taken by another program. Choose one with --port`)
  process.kill()
  await process
})

test.concurrent.each([
  ['--port', 'x', '--port takes a whole number from 0 up, not "x"'],
  ['--port', '70000', '--port is at most 65535'],
  ['--projects', '-1', '--projects'],
  ['--page-max', '0', '--page-max takes a whole number from 1 up, not "0"'],
  ['--profile', 'real', '--profile is help-pages or library, not "real"'],
])('%s %s is refused', async (option, value, sentence) => {
  const { code, stdout, stderr } = await runCli(['simulator', option, value])
  expect(code).toBe(64)
  expect(stdout).toBe('')
  expect(stderr).toContain(sentence)
})
