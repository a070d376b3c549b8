/**
 * The previous release beside this one, on one database: its processes continue after this one has migrated the database,
 * and can still be started. Nothing fails in either, and every edit is sent once.
 */
import type postgres from 'postgres'
import { afterAll, expect } from 'vitest'
import { createEmptyDatabase } from '../../support/postgres/database.ts'
import type { CliOptions, CliRun } from '../../support/process/cli.ts'
import { testWith } from '../../support/process/installed.ts'
import { previousRelease } from '../../support/process/previous-release.ts'
import { QUEUE_KINDS } from '../../support/redis/queue-kinds.ts'
import { readChanges, readStates } from '../../support/tables/outbox.ts'
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
        const bad = linesOf(side).filter(
          // Where the machine is busy, a transaction of the old one can be open for longer than the migration waits without a word.
          ({ level, msg, code }) => Number(level) >= 40 && !isStopped(side, msg) && code !== 'SYNC_TABLES_HELD',
        )
        expect(bad, side).toEqual([])
      }
    },
  }
}

/** What stops the previous release from sending an edit. */
const STOPPED =
  'A newer release of scopestack-sync has migrated this database and sends its local edits; this process is of an older one, and ' +
  'sends none. Nothing is lost: stop this process, and start the newer release in its place.'
const isStopped = (side: Side, message: unknown): boolean => side === 'old' && String(message).includes(STOPPED)

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

      // The previous release alone on this release's schema reads, and sends no edit; and back.
      second.run.kill('SIGTERM')
      expect(await second.run).toMatchObject({ code: 0 })
      await edit()
      await says(first, 'run ends', first.log().length)
      await until(() => first.log().some(({ msg }) => isStopped('old', msg)), 'the sentence that stops it')
      expect((await readStates(sides.sql)).at(-1)).toBe('waiting')
      first.run.kill('SIGTERM')
      expect(await first.run).toMatchObject({ code: 0 })
      await sides.ok('push', {})
      await arrived()
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
    const stopped = await sides.run('push', {}, old)
    expect(stopped.code).toBe(1)
    expect(stopped.stderr.replaceAll(/\s+/g, ' ')).toContain(STOPPED)
    expect(await readStates(sql)).toEqual(['waiting'])
    await ok('push', {})
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

/** What becomes of each state that the previous release can leave, once this one has pushed. */
const LEFT = [
  'waiting',
  'claimed by a process that is gone',
  'an edit that was sent, and did not arrive',
  'an edit that was sent, and arrived',
  'an edit whose response is stored',
  'a creation that was sent, and arrived',
  'a creation whose id is stored',
  'a creation that was reported as done',
  'parked with a conflict',
  'parked after failures, and arrived',
  'parked as ignored in part',
  'a creation parked as unknown',
  'a creation parked with its id',
  'sent',
] as const

testWith(previous)(
  'every change that the previous release left goes on, whatever its state',
  async () => {
    await using sides = await openSides()
    const { sim, sql, run, ok } = sides
    const clients = sim.records.list('clients')
    while (clients.length < 9)
      clients.push(sim.records.create('clients', { attributes: { name: `More ${clients.length}` } }))
    await ok('pull clients', sides.old)
    const ids = clients.map(({ id }) => id)
    const edit = (at: number, domain: string) =>
      sql`update scopestack.clients set domain = ${domain} where id = ${ids[at]!}`
    const there = (at: number, domain: string) => sim.records.update('clients', ids[at]!, { attributes: { domain } })
    const make = (name: string) => sql`insert into scopestack.clients (name) values (${name})`
    const made = (name: string) => sim.records.create('clients', { attributes: { name } }).id
    const newest = sql`(select max(id) from sync.outbox)`
    /** As that release notes them; the last claim of each has ended. */
    const left = (set: postgres.PendingQuery<postgres.Row[]>, state = 'sending') =>
      sql`update sync.outbox set term = 7, claimed_by = 'gone', claim_until = '-infinity', state = ${state}, ${set} where id = ${newest}`
    const requested = sql`requested_at = now() - interval '5 minutes', attempts = 1`

    await edit(0, 'waiting.test')
    await edit(1, 'claimed.test')
    await left(sql`attempts = 0`)
    await edit(2, 'lost.test')
    await left(requested)
    await edit(3, 'arrived.test')
    await left(requested)
    there(3, 'arrived.test')
    await edit(4, 'answered.test')
    there(4, 'answered.test')
    const record = sim.records.read('clients', ids[4]!)!
    const decisions = [{ member: 'domain', base: null, local: 'answered.test', remote: null, decision: 'send' }]
    await left(sql`${requested}, answer = ${JSON.stringify({ record, decisions })}::text::jsonb`)
    await make('Lost')
    await left(sql`${requested}, known_ids = '{}'`)
    made('Lost')
    await make('With its id')
    await left(sql`${requested}, known_ids = '{}', answer_id = ${made('With its id')}`)
    await make('Done')
    await left(sql`${requested}, known_ids = '{}', answer = '{"why": "it was answered with 202"}'`)
    made('Done')
    await edit(5, 'conflict.test')
    await left(sql`settled_at = now(), code = 'SYNC_PUSH_CONFLICT', reason = 'Both.'`, 'parked')
    await edit(6, 'failed.test')
    await left(sql`${requested}, settled_at = now(), code = 'SYNC_PUSH_FAILED', reason = 'It failed.'`, 'parked')
    there(6, 'failed.test')
    await edit(7, 'ignored.test')
    await left(sql`settled_at = now(), returned_at = now(), code = 'SYNC_PUSH_IGNORED', reason = 'No.'`, 'parked')
    await make('Unknown')
    await left(
      sql`${requested}, settled_at = now(), known_ids = '{}', code = 'SYNC_PUSH_UNKNOWN', reason = '?'`,
      'parked',
    )
    await make('Unsettled')
    const stranded = made('Unsettled')
    await left(
      sql`${requested}, settled_at = now(), answer_id = ${stranded}, code = 'SYNC_PUSH_UNKNOWN', reason = '!'`,
      'parked',
    )
    await edit(8, 'sent.test')
    await left(sql`settled_at = now(), sent_at = now()`, 'sent')
    const changes = async () =>
      Object.fromEntries(
        (await readChanges(sql, ['exactState'])).map(({ exactState }, at) => [LEFT[at] ?? at, exactState]),
      )

    await ok('migrate', {})
    expect(await changes()).toEqual({
      waiting: 'waiting',
      'claimed by a process that is gone': 'waiting',
      'an edit that was sent, and did not arrive': 'lost',
      'an edit that was sent, and arrived': 'lost',
      'an edit whose response is stored': 'answered',
      'a creation that was sent, and arrived': 'lost',
      'a creation whose id is stored': 'answered',
      'a creation that was reported as done': 'accepted',
      'parked with a conflict': 'parked',
      'parked after failures, and arrived': 'parked',
      'parked as ignored in part': 'parked',
      'a creation parked as unknown': 'unknown',
      'a creation parked with its id': 'unsettled',
      sent: 'sent',
    })

    sim.resetStats()
    expect((await run('push')).code).toBe(2)
    const asked = (method: string) =>
      Object.entries(sim.stats().requests)
        .filter(([route]) => route.startsWith(method))
        .reduce((sum, [, n]) => sum + n, 0)
    expect({ posts: asked('POST /{account}'), patches: asked('PATCH') }).toEqual({ posts: 0, patches: 3 })
    expect(await changes()).toMatchObject({
      waiting: 'sent',
      'claimed by a process that is gone': 'sent',
      'an edit that was sent, and did not arrive': 'sent',
      'an edit that was sent, and arrived': 'sent',
      'an edit whose response is stored': 'sent',
      'a creation that was sent, and arrived': 'sent',
      'a creation whose id is stored': 'sent',
      'a creation that was reported as done': 'sent',
      'parked with a conflict': 'parked',
      'a creation parked as unknown': 'unknown',
      'a creation parked with its id': 'unsettled',
    })

    // What a person decides of the rest: the value that arrived after all is no conflict, and one new row is sent.
    await edit(6, 'next.test')
    const undecided = await readChanges(sql, ['id', 'exactState'])
    for (const { id, exactState } of undecided.filter(
      ({ exactState: now }) => now === 'unknown' || now === 'unsettled',
    )) {
      expect((await run(`changes retry ${id}`)).code, exactState).toBe(0)
    }
    sim.resetStats()
    await run('push')
    expect({ posts: asked('POST /{account}'), patches: asked('PATCH') }).toEqual({ posts: 1, patches: 1 })
    expect(sim.records.read('clients', ids[6]!)!.attributes['domain']).toBe('next.test')
    expect(await changes()).toMatchObject({
      'parked after failures, and arrived': 'superseded',
      'a creation parked as unknown': 'sent',
      'a creation parked with its id': 'sent',
    })
    for (const name of ['Lost', 'With its id', 'Done', 'Unknown', 'Unsettled']) {
      expect(
        sim.records.list('clients').filter(({ attributes }) => attributes['name'] === name),
        name,
      ).toHaveLength(1)
    }
    const [local] = await sql<
      { n: number }[]
    >`select count(*)::int as n from scopestack.clients where id like 'local-%'`
    expect(local).toEqual({ n: 0 })
  },
  PATIENCE_MS,
)
