import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { testWith } from '../../support/process/installed.ts'
import { onTestFinished } from '../../support/run/test-context.ts'

const MODULE = new URL('../../../src/compile-cache.ts', import.meta.url).href

function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'scopestack-sync-home-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  return home
}

/** The folder of compiled code that a process with this home uses; empty: none. */
const cacheOf = (home: string, env: Record<string, string> = {}): string =>
  execFileSync(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { cacheCompiledCode } from '${MODULE}'
       import { getCompileCacheDir } from 'node:module'
       cacheCompiledCode()
       process.stdout.write(getCompileCacheDir() ?? '')`,
    ],
    { env: { PATH: process.env['PATH'], HOME: home, ...env }, timeout: 20_000, encoding: 'utf8' },
  )

test('compiled code is kept below home, where only its user has access', () => {
  const home = newHome()
  expect(cacheOf(home)).toContain(join(home, '.cache/scopestack-sync/node'))
  expect(statSync(join(home, '.cache/scopestack-sync')).mode & 0o777).toBe(0o700)
  expect(cacheOf(home)).not.toBe('')
})

test('without a home, or where its cache cannot be made, nothing is kept and nothing fails', () => {
  expect(cacheOf('/nonexistent')).toBe('')
  expect(cacheOf('')).toBe('')
  const home = newHome()
  symlinkSync('/proc', join(home, '.cache'))
  expect(cacheOf(home)).toBe('')
})

test('the environment takes precedence', () => {
  const home = newHome()
  const own = join(home, 'elsewhere')
  expect(cacheOf(home, { NODE_COMPILE_CACHE: own })).toContain(own)
  expect(existsSync(join(home, '.cache'))).toBe(false)
  expect(cacheOf(home, { NODE_DISABLE_COMPILE_CACHE: '1' })).toBe('')
})

// Only root can give a folder to another user.
testWith(process.geteuid?.() === 0)('nothing is made in, or run from, a folder of another user', () => {
  const home = newHome()
  chownSync(home, 1, 1)
  expect(cacheOf(home)).toBe('')
  expect(existsSync(join(home, '.cache'))).toBe(false)

  const shared = newHome()
  mkdirSync(join(shared, '.cache'))
  chownSync(join(shared, '.cache'), 1, 1)
  expect(cacheOf(shared)).toBe('')
})
