/** An installation, and what `doctor` finds there: its checks in this process, with the settings of an environment. */
import postgres from 'postgres'
import { expect } from 'vitest'
import { CHECKS } from '../../../src/commands/doctor/checks.ts'
import { linesOf, type Line } from '../../../src/commands/doctor/doctor.ts'
import { openSubject } from '../../../src/commands/doctor/subject.ts'
import { inspectSettings } from '../../../src/commands/settings.ts'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import { createDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { startWorker } from '../../support/scopestack/worker.ts'

export interface Installation {
  readonly sim: Simulator
  readonly sql: postgres.Sql
  readonly databaseUrl: string
  readonly env: Record<string, string>
}

/** Two resources are enough, but where privileges are what it is about. */
const FEW = 'clients,tags'

/** @param types are pulled first. */
export async function install(
  types: readonly string[] = ['clients', 'tags'],
  database: Promise<TestDatabase> = createDatabase(),
): Promise<Installation> {
  const sim = await startSimulator({ projects: 3 })
  onTestFinished(() => sim.close())
  const { url, [Symbol.asyncDispose]: drop } = await database
  onTestFinished(drop)
  const sql = postgres(url, { max: 2, onnotice: () => {} })
  onTestFinished(() => sql.end({ timeout: 1 }))
  if (types.length > 0) {
    await using worker = await startWorker(sim, url)
    await worker.run(types)
  }
  const env = {
    SCOPESTACK_CLIENT_ID: sim.credentials.clientId,
    SCOPESTACK_CLIENT_SECRET: sim.credentials.clientSecret,
    SCOPESTACK_AUTH_URL: sim.url,
    SCOPESTACK_API_URL: sim.url,
    DATABASE_URL: url,
    SYNC_RATE: '0',
    SYNC_RESOURCES: FEW,
  }
  return { sim, sql, databaseUrl: url, env }
}

export interface Report {
  readonly lines: readonly Line[]
  /** Those of a check. */
  readonly of: (check: string) => Line[]
  /** Checks with a line of this level. */
  readonly with: (level: Line['level']) => string[]
  /** Checks that warn or fail. */
  readonly bad: string[]
}

/** @param env a value given as undefined is not set. */
export async function examine(
  installation: Pick<Installation, 'env'>,
  env: Record<string, string | undefined> = {},
): Promise<Report> {
  const { signal } = new AbortController()
  const subject = openSubject(inspectSettings({ ...installation.env, ...env }), signal)
  try {
    const lines: Line[] = []
    for await (const line of linesOf(CHECKS, subject, signal)) lines.push(line)
    for (const line of lines) {
      const isBad = line.level === 'warn' || line.level === 'fail'
      expect(line.remedy !== null, `${line.check}: ${line.message}`).toBe(isBad)
      if (line.code !== null) expect(line.message).toMatch(new RegExp(`\\(${line.code}\\)$`))
    }
    const withLevel = (level: Line['level']) => [
      ...new Set(lines.filter((line) => line.level === level).map(({ check }) => check)),
    ]
    return {
      lines,
      of: (check) => lines.filter((line) => line.check === check),
      with: withLevel,
      bad: [...new Set([...withLevel('fail'), ...withLevel('warn')])].toSorted(),
    }
  } finally {
    await subject.close()
  }
}
