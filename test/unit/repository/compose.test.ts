/** docker-compose.yml by the schema of its language, and by what the program needs of it. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { VARIABLES, type Variable } from '../../../src/config/variables.ts'
import { installed, leftOut, testWith } from '../../support/process/installed.ts'

const FILE = join(import.meta.dirname, '../../../docker-compose.yml')
const TEXT = await readFile(FILE, 'utf8')

interface Service {
  readonly environment: Readonly<Record<string, unknown>>
  readonly command?: readonly string[]
  readonly healthcheck?: unknown
  readonly init?: boolean
}

const { services } = parse(TEXT, { merge: true }) as { services: Record<string, Service> }
const ours = Object.entries(services).filter(([, { command }]) => command?.[0] === 'start')

const dclint = await installed<Linter>('dclint')
const dockerCompose = await promisify(execFile)('docker', ['compose', 'version'], { timeout: 20_000 }).catch(() =>
  leftOut('docker compose is not installed'),
)

testWith(dclint)('it is what the Compose specification calls valid, and the check would see what is not', async () => {
  const problems = checker(dclint!)
  expect(await problems(TEXT)).toEqual([])
  for (const [right, wrong, place] of [
    ['[CMD, redis-cli, ping]', '\n        - CMD\n        - node -e process.exit(0 ? 0: 1)', 'redis/healthcheck/test'],
    ['init: true', 'init: [yes]', 'scheduler/init'],
    ['shm_size: 256mb', 'shm_sice: 256mb', 'postgres'],
  ] as const) {
    expect(TEXT).toContain(right)
    expect((await problems(TEXT.replace(right, wrong))).join(), wrong).toContain(`/services/${place}`)
  }
})

test('every setting of .env reaches every process', () => {
  const missing = (environment: Service['environment']) =>
    Object.entries<Variable>(VARIABLES)
      .filter(([name, { secret }]) => {
        if (secret === true && String(environment[`${name}_FILE`]).startsWith('/run/secrets/')) return false
        return !String(environment[name]).startsWith(`\${${name}:-`)
      })
      .map(([name]) => name)
  expect(missing(services['scheduler']!.environment)).toEqual([])
  expect(missing(services['worker']!.environment)).toEqual([])
})

test('nothing is handed over that is no setting, and every value is a text', () => {
  const known = new Set(Object.keys(VARIABLES).flatMap((name) => [name, `${name}_FILE`]))
  for (const [service, { environment }] of ours) {
    expect(
      Object.keys(environment).filter((name) => !known.has(name)),
      service,
    ).toEqual([])
    expect(
      Object.values(environment).filter((value) => typeof value !== 'string'),
      service,
    ).toEqual([])
  }
})

test('an init stands before every process of ours, and its health is the image’s', () => {
  expect(ours.map(([name]) => name).sort()).toEqual(['scheduler', 'trial', 'worker'])
  for (const [service, { init, healthcheck }] of ours) {
    expect(init, service).toBe(true)
    expect(healthcheck, service).toBeUndefined()
  }
})

testWith(dockerCompose)('docker compose itself takes it without any setting', async () => {
  const args = ['compose', '-f', FILE, '--env-file', '/dev/null', '--profile', 'simulator', 'config', '--quiet']
  await promisify(execFile)('docker', args)
})

interface Linter {
  readonly DCLinter: new (config: object) => {
    lintFiles(paths: string[], recursive: boolean): { messages: { rule: string; message: string }[] }[]
  }
}

/** A linter that brings the schema of the specification. Its opinions are not asked for. */
function checker({ DCLinter }: Linter): (text: string) => Promise<string[]> {
  const linter = new DCLinter({ rules: {}, quiet: true, debug: false, exclude: [] })
  return async (text) => {
    const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-compose-'))
    try {
      const file = join(folder, 'docker-compose.yml')
      await writeFile(file, text)
      const messages = linter.lintFiles([file], false).flatMap((result) => result.messages)
      return messages.filter(({ rule }) => /invalid/.test(rule)).map(({ message }) => message)
    } finally {
      await rm(folder, { recursive: true })
    }
  }
}
