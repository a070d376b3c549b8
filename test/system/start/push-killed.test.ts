/** A process is killed at each step of a push; the next one finishes, and both sides are as after one push (S4, S5, S14). */
import type postgres from 'postgres'
import { expect, test } from 'vitest'
import { lockChanges, makeDue, readStates } from '../../support/tables/outbox.ts'
import { until } from '../../support/until.ts'
import { open, type Setting } from '../support/setting.ts'

type Op = 'create' | 'update' | 'delete'
type Step = 'claimed' | 'checked' | 'sent' | 'arrived' | 'answered' | 'settling' | 'settled'

interface Edit {
  readonly table: 'vendors' | 'crm_opportunities'
  readonly type: 'vendors' | 'crm-opportunities'
  readonly make: (setting: Setting) => Promise<void>
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  /** Records that have the edit; of a delete, 1 once the deal is gone. */
  readonly done: (setting: Setting, deal: string) => number
}

const vendor = ({ sim }: Setting) => sim.records.list('vendors')[0]!
const deal = ({ sim }: Setting) => sim.records.list('crm-opportunities')[0]

const EDITS: Record<Op, Edit> = {
  create: {
    table: 'vendors',
    type: 'vendors',
    method: 'POST',
    make: async ({ sql }) => void (await sql`insert into scopestack.vendors (name, city) values ('Once', 'Here')`),
    done: ({ sim }) => sim.records.list('vendors').filter(({ attributes }) => attributes['name'] === 'Once').length,
  },
  update: {
    table: 'vendors',
    type: 'vendors',
    method: 'PATCH',
    make: async (setting) =>
      void (await setting.sql`update scopestack.vendors set city = 'Edited' where id = ${vendor(setting).id}`),
    done: ({ sim }) => sim.records.list('vendors').filter(({ attributes }) => attributes['city'] === 'Edited').length,
  },
  delete: {
    table: 'crm_opportunities',
    type: 'crm-opportunities',
    method: 'DELETE',
    make: async (setting) =>
      void (await setting.sql`delete from scopestack.crm_opportunities where id = ${deal(setting)!.id}`),
    done: ({ sim }, gone) => (sim.records.list('crm-opportunities').some(({ id }) => id === gone) ? 0 : 1),
  },
}

/** Stops a push at `step`; resolves when it is there, to a function that releases it. */
async function holdAt(step: Step, { method, table, type }: Edit, setting: Setting): Promise<() => Promise<void>> {
  const { sim, sql } = setting
  const asked = (verb: string) => () =>
    Object.entries(sim.stats().requests).some(
      ([route, n]) => route.startsWith(`${verb} /{account}/v1/${type}`) && n > 0,
    )
  const free = async (): Promise<void> => void sim.removeFault()
  switch (step) {
    case 'claimed':
      // Stopped at the read of the remote record.
      sim.addFault({ kind: 'slow', ms: 600_000, match: { method: 'GET', type } })
      return until(asked('GET'), 'the question').then(() => free)
    case 'checked':
      // Long enough for the lock to exist before the response arrives.
      sim.addFault({ kind: 'slow', ms: 3_000, match: { method: 'GET', type } })
      return locked(sql, async (tx) => {
        // A create is recorded before it is sent; of other changes nothing is written before their response.
        await until(asked('GET'), 'the question')
        await lockChanges(tx)
        if (method === 'POST') await waiting(sql)
      })
    case 'sent':
      // It was sent and not processed.
      sim.addFault({ kind: 'slow', ms: 600_000, match: { method } })
      return until(asked(method), 'the request').then(() => free)
    case 'arrived':
      // It was processed, and the response does not arrive.
      sim.addFault({ kind: 'stall', match: { method } })
      return until(asked(method), 'the request').then(() => free)
    case 'answered':
      // Its row cannot be read.
      return locked(sql, async (tx) => {
        await tx`lock table ${tx(`scopestack.${table}`)} in exclusive mode`
        await until(asked(method), 'the request')
        await waiting(sql)
      })
    case 'settling':
      // Its row cannot be written: the change is sent, and its outcome not committed.
      return locked(sql, async (tx) => {
        await tx`lock table ${tx(`scopestack.${table}`)} in share mode`
        await until(asked(method), 'the request')
        await waiting(sql)
      })
    case 'settled':
      await until(async () => (await readStates(sql)).includes('sent'), 'the end of the change')
      return free
  }
}

/** A session waits for the lock. */
const waiting = (sql: postgres.Sql) =>
  until(
    async () =>
      (await sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`).length,
    'the push to wait',
  )

async function locked(
  sql: postgres.Sql,
  act: (tx: postgres.TransactionSql) => Promise<void>,
): Promise<() => Promise<void>> {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { promise: there, resolve: arrive, reject } = Promise.withResolvers<void>()
  const ended = sql.begin(async (tx) => {
    await act(tx)
    arrive()
    await released
  })
  ended.catch(reject)
  await there
  return async () => {
    release()
    await ended
  }
}

const OPS: readonly Op[] = ['create', 'update', 'delete']
const ALL: readonly Step[] = ['claimed', 'checked', 'sent', 'arrived', 'answered', 'settling', 'settled']
/** `npm run faults` runs every step of each; creates always run every step. */
const stepsOf = (op: Op): readonly Step[] =>
  op === 'create' || process.env['FAULTS'] === 'long' ? ALL : ['sent', 'arrived', 'answered', 'settling']

test.concurrent.each(OPS.flatMap((op) => stepsOf(op).map((step) => [op, step] as const)))(
  'of a killed %s that was %s, the next push makes one, and one only',
  async (op, step) => {
    await using setting = await open({ projects: 2 })
    const { sim, sql, run } = setting
    const edit = EDITS[op]
    await setting.pull(edit.type)
    const before = deal(setting)?.id ?? ''
    const done = () => edit.done(setting, before)
    await edit.make(setting)
    sim.resetStats()

    const reached = holdAt(step, edit, setting)
    const first = run('push')
    const release = await reached
    if (step === 'arrived') await until(() => done() === 1, 'the arrival')
    first.kill('SIGKILL')
    await first
    await release()
    await until(
      async () =>
        (
          await sql`select from pg_stat_activity where application_name = 'scopestack-sync' and datname = current_database()`
        ).length === 0,
      'the sessions of the killed process to end',
    )

    if (op === 'create' && step === 'sent') {
      // ScopeStack may still be processing it.
      const { code, stdout } = await run('push')
      expect({ code, stdout }).toMatchObject({
        code: 2,
        stdout: expect.stringMatching(/its\s+response\s+was\s+lost[^]*\n0 sent · 1 tried again later\.\n$/),
      })
    }
    // So long that what left has arrived or never will. Also of one that was only about to be noted: Postgres goes on with a
    // statement that waits for a lock though its client is dead.
    await makeDue(sql, 100)
    const { code, stdout } = await run('push')
    expect({ code, stdout }).toMatchObject({ code: 0 })
    expect(done()).toBe(1)
    const states = await readStates(sql)
    expect(states).toHaveLength(1)
    expect(['sent', 'superseded']).toContain(states[0])
    await setting.pull(edit.type)
    const [rows] = await sql`
      select count(*)::int as n, count(*) filter (where id like 'local-%')::int as local from ${sql(`scopestack.${edit.table}`)}`
    expect(rows).toEqual({ n: sim.records.list(edit.type).length, local: 0 })
    expect(await readStates(sql), 'no echo').toHaveLength(1)
  },
)
