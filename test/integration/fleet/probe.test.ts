/** What the image's HEALTHCHECK runs. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { startWeb } from '../../../src/web/health.ts'
import { leftOut, testWith } from '../../support/process/installed.ts'
import { onTestFinished } from '../../support/run/test-context.ts'

const PROBE = join(import.meta.dirname, '../../../src/web/probe.sh')
const bash = await promisify(execFile)('bash', ['--version'], { timeout: 20_000 }).catch(() =>
  leftOut('bash is not installed'),
)

/** @param words the command that the container runs. */
async function probe(words: string, port: number): Promise<{ code: number; output: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-probe-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const line = join(folder, 'cmdline')
  await writeFile(line, `node --max-old-space-size=512 /app/src/cli.ts ${words} `.replaceAll(' ', '\0'))
  const env = { ...process.env, PROBED: line, HTTP_HOST: '', HTTP_PORT: String(port), PROBE_SECONDS: '1' }
  return promisify(execFile)('bash', [PROBE], { env }).then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    ({ code, stdout }: { code: number; stdout: string }) => ({ code, output: stdout }),
  )
}

testWith(bash)('start is healthy while it is ready, and reports what is missing when it is not', async () => {
  let missing = ''
  const database = async () => {
    if (missing !== '') throw new Error(missing)
  }
  const web = await startWeb({ host: '127.0.0.1', port: 0, elsewhere: false, checks: () => ({ database }) })
  onTestFinished(() => web.close())
  const port = Number(new URL(web.url).port)
  for (const words of ['start', 'start --only worker'])
    expect(await probe(words, port)).toEqual({ code: 0, output: '' })
  missing = 'it is away'
  expect(await probe('start', port)).toEqual({
    code: 1,
    output: '{"database":"it is away (SYNC_NOT_READY)","status":"not ready"}\n',
  })
  missing = 'waiting for Redis: it cannot be reached. (SYNC_REDIS_UNREACHABLE)'
  expect(await probe('start', port)).toMatchObject({ output: expect.stringContaining('_UNREACHABLE)",') as string })
})

testWith(bash)('a start that hangs, or has ended, is not healthy; another command is', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  expect(await probe('start', port)).toEqual({ code: 1, output: 'no answer within 1 s\n' })
  expect(await probe('pull --full', port)).toEqual({ code: 0, output: '' })
  expect(await probe('simulator --port 4010', port)).toEqual({ code: 0, output: '' })
  silent.close()
  expect(await probe('start', port)).toMatchObject({ code: 1 })
})
