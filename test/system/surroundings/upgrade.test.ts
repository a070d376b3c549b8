/**
 * The previous release beside this one, on one database: its processes continue after this one has migrated the database,
 * and can still be started. Nothing fails in either, and every edit is sent once.
 */
import { afterAll, expect } from 'vitest'
import { readStates } from '../../support/outbox.ts'
import { createEmptyDatabase } from '../../support/postgres/database.ts'
import type { CliOptions, CliRun } from '../../support/process/cli.ts'
import { testWith } from '../../support/process/installed.ts'
import { previousRelease } from '../../support/process/previous-release.ts'
import { QUEUE_KINDS } from '../../support/redis/queue-kinds.ts'
import { until } from '../../support/until.ts'
import { open, type Setting } from '../support/setting.ts'
import { KINDS } from '../support/unattended.ts'

/** A dozen programs in sequence. */
const PATIENCE_MS = 300_000
const previous = await previousRelease()
afterAll(() => previous?.[Symbol.asyncDispose]())

interface Sides extends Setting {
  readonly old: CliOptions
  /** A `start` of either release, and its log. */
  readonly start: (side: Side, env?: Record<string, string>) => { run: CliRun; log: () => Record<string, unknown>[] }
  readonly ok: (command: string, how: CliOptions) => Promise<void>
  /** Makes an edit that has to be sent. */
  readonly edit: () => Promise<void>
  readonly arrived: () => Promise<unknown>
  readonly expectNothingFailed: () => Promise<void>
}

type Side = 'old' | 'new'

async function openSides(): Promise<Sides> {
  const setting = await open({}, createEmptyDatabase())
  const { sql, sim } = setting
  const old = { program: previous!.program }
  const logs: Record<Side, string> = { old: '', new: '' }
  const linesOf = (side: Side) =>
    logs[side]
      .split('\n')
      .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []))
  const env = { SYNC_RESOURCES: 'clients,projects,tags', SYNC_SCHEDULE: '*/2 * * * * *', HTTP_PORT: '0' }
  const client = sim.records.list('clients')[0]!.id
  let edits = 0
  const ok = async (command: string, how: CliOptions): Promise<void> => {
    const { code, stdout, stderr } = await setting.run(command, env, how)
    expect(code, `${command}\n${stdout}${stderr}`).toBe(0)
  }
  await ok('pull', old)
  return {
    ...setting,
    old,
    ok,
    start(side, more = {}) {
      const how = { ...(side === 'old' ? old : {}), onStderr: (text: string) => (logs[side] = text) }
      return { run: setting.run('start', { ...env, ...more }, how), log: () => linesOf(side) }
    },
    async edit() {
      await sql`update scopestack.clients set domain = ${`edit-${++edits}.example`} where id = ${client}`
    },
    arrived: () =>
      until(() => sim.records.read('clients', client)!.attributes['domain'] === `edit-${edits}.example`, 'the edit'),
    async expectNothingFailed() {
      expect(await sql`select resource, outcome, message from sync.run_outcomes where outcome <> 'ok'`).toEqual([])
      expect((await readStates(sql)).filter((state) => state !== 'sent' && state !== 'superseded')).toEqual([])
      for (const side of ['old', 'new'] as const) {
        expect(
          linesOf(side).filter(({ level }) => Number(level) >= 40),
          side,
        ).toEqual([])
      }
    },
  }
}

const says = (started: { log: () => Record<string, unknown>[] }, words: string, behind = 0) =>
  until(
    () =>
      started
        .log()
        .slice(behind)
        .some(({ msg }) => msg === words),
    words,
  )

for (const kind of KINDS) {
  const name = `a start of the previous release goes on while this one migrates and works beside it (${kind})`
  testWith(previous)(
    name,
    async () => {
      await using sides = await openSides()
      const { start, edit, arrived } = sides
      await using queue = await QUEUE_KINDS[kind](sides.sql)
      const first = start('old', queue.env)
      await says(first, 'run ends')
      const second = start('new', queue.env)
      await says(second, 'started')
      await edit()
      const seen = { old: first.log().length, new: second.log().length }
      await Promise.all([says(first, 'run ends', seen.old), says(second, 'run ends', seen.new)])
      await arrived()

      // The previous release alone on this release's schema, and back.
      second.run.kill('SIGTERM')
      expect(await second.run).toMatchObject({ code: 0 })
      await edit()
      await says(first, 'run ends', first.log().length)
      await arrived()
      first.run.kill('SIGTERM')
      expect(await first.run).toMatchObject({ code: 0 })
      await sides.expectNothingFailed()
    },
    PATIENCE_MS,
  )
}

testWith(previous)(
  'commands of the previous release work on the schema of this one, and the other way round',
  async () => {
    await using sides = await openSides()
    const { old, ok, edit, arrived, sql } = sides
    await ok('migrate', {})
    await edit()
    await ok('push', old)
    await arrived()
    await sql`insert into scopestack.clients (name) values ('Made on the new schema')`
    await ok('pull --full', old)
    await edit()
    await ok('push', {})
    await arrived()
    await ok('verify', old)
    await sides.expectNothingFailed()
  },
  PATIENCE_MS,
)
