/** Who may send what, and when: order, claims, and what waits together. */
import { afterAll, beforeEach, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { openDatabase } from '../../../src/store/connection/database.ts'
import { createMirror } from '../../../src/store/mirror/load.ts'
import { openOutbox, type Outbox } from '../../../src/store/outbox/claim.ts'
import { recordDeparture } from '../../../src/store/outbox/in-flight.ts'
import { pruneSettledChanges, readDue } from '../../../src/store/outbox/notify.ts'
import { settleSent } from '../../../src/store/outbox/settle.ts'
import { disableCapture } from '../../../src/store/schema/capture-triggers.ts'
import { coalesceChanges } from '../../../src/sync/push/push.ts'
import { rebaseOntoResponse } from '../../../src/sync/push/rebase.ts'
import {
  claimNewest,
  emptyOutbox,
  expireClaims,
  parkOf,
  parkReturned,
  readChanges,
  readStates,
  retryParked,
  setClockAhead,
  settleDaysAgo,
} from '../../support/outbox.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { leased } from '../../support/postgres/leased.ts'
import { until } from '../../support/until.ts'

const database = await createDatabase()
const sql = openDatabase(database.url)
const [one, other] = [openOutbox(sql, 'one'), openOutbox(sql, 'other')]
const deps = { sql, catalog, rebase: rebaseOntoResponse }

afterAll(async () => {
  await Promise.all([one.close(), other.close()])
  await sql.end()
  await database[Symbol.asyncDispose]()
})

beforeEach(async () => {
  await emptyOutbox(sql)
  await leased(sql, async (tx) => {
    await disableCapture(tx)
    for (const table of ['clients', 'projects']) await tx`delete from scopestack.${tx(table)}`
    const records = ['1', '2', '3'].map((id) => ({ type: 'clients', id, attributes: { name: `Client ${id}` } }))
    await createMirror(catalog.get('clients')!).load(tx, records)
  })
})

const claim = (outbox: Outbox, limit = 20) => outbox.claim(limit, (changes) => coalesceChanges(catalog, changes))
const edit = (id: string, name: string) => sql`update scopestack.clients set name = ${name} where id = ${id}`
const answer = (id: string, name: string) => ({ type: 'clients', id, attributes: { name } })

it('hands each record to one worker only', async () => {
  await sql`update scopestack.clients set domain = 'x.test'`
  const claims = await Promise.all([claim(one, 2), claim(other, 2)])
  const ids = claims.flatMap(({ changes }) => changes.map(({ recordId }) => recordId))
  expect(new Set(ids).size).toBe(ids.length)
  const rest = await claim(one)
  expect([...ids, ...rest.changes.map(({ recordId }) => recordId)].toSorted()).toEqual(['1', '2', '3'])
})

it('keeps the edits of a record in order: the second waits until the first is settled (S5)', async () => {
  await edit('1', 'First')
  const first = await claim(one)
  await edit('1', 'Second')
  expect(await claim(other)).toEqual({ term: 0, changes: [] })
  await settleSent(deps, first.changes[0]!, first.term, answer('1', 'First'), null)
  // The row keeps what was edited meanwhile.
  expect(await sql`select name from scopestack.clients where id = '1'`).toEqual([{ name: 'Second' }])
  const second = await claim(other)
  expect(second.changes).toMatchObject([{ attributes: { name: 'Second' }, base: { attributes: { name: 'First' } } }])
})

it('sends none beside another of the record, also where an older one is retried (S5)', async () => {
  await sql`update scopestack.clients set domain = 'set-aside.test' where id = '1'`
  await parkReturned(sql)
  await edit('1', 'Newer')
  const newer = await claim(one)
  expect(newer.changes).toHaveLength(1)
  await retryParked(sql)
  expect(await claim(other)).toEqual({ term: 0, changes: [] })
  await one.release(newer.term)
  expect((await claim(other)).changes).toHaveLength(1)
})

it('leaves a record to another worker that claims it while it is being selected (S5)', async () => {
  await edit('1', 'Older')
  await edit('1', 'Newer')
  let claimed: ReturnType<typeof claim> | undefined
  await sql.begin(async (tx) => {
    await claimNewest(tx)
    claimed = claim(other)
    await until(
      async () =>
        (await sql`select from pg_stat_activity where wait_event_type = 'Lock' and query like '%sync.outbox%'`).length >
        0,
      'the claim that waits for the other one',
    )
  })
  expect((await claimed!).changes).toEqual([])
})

it('makes one edit of those that wait together', async () => {
  await edit('1', 'First')
  await sql`update scopestack.clients set domain = 'x.test' where id = '1'`
  await edit('1', 'Second')
  const { changes } = await claim(one)
  expect(changes).toMatchObject([
    { attributes: { name: 'Second', domain: 'x.test' }, base: { attributes: { name: 'Client 1', domain: null } } },
  ])
  expect(await readChanges(sql, ['state', 'supersededBy'])).toMatchObject([
    { state: 'superseded', supersededBy: changes[0]!.id },
    { state: 'superseded', supersededBy: changes[0]!.id },
    { state: 'sending', supersededBy: null },
  ])
})

it('lets no worker settle whose claim passed to another', async () => {
  await edit('1', 'Mine')
  const late = await claim(one)
  await expireClaims(sql)
  const now = await claim(other)
  expect(now.term).toBeGreaterThan(late.term)
  const [change] = late.changes
  await expect(recordDeparture(sql, change!, late.term)).rejects.toMatchObject({ code: 'SYNC_CLAIM_LOST' })
  await expect(settleSent(deps, change!, late.term, answer('1', 'Late'), null)).rejects.toMatchObject({
    code: 'SYNC_CLAIM_LOST',
  })
  expect(await sql`select name from scopestack.clients where id = '1'`).toEqual([{ name: 'Mine' }])
  await settleSent(deps, now.changes[0]!, now.term, answer('1', 'Mine'), null)
})

it('takes over at once from a process that is gone, before its time', async () => {
  await edit('1', 'Mine')
  const dying = openOutbox(sql, 'dying')
  expect((await claim(dying)).changes).toHaveLength(1)
  expect((await claim(other)).changes).toEqual([])
  await dying.close()
  const taken = await until(async () => {
    const { changes } = await claim(other)
    return changes.length > 0 && changes
  }, 'the session of the dead process to end')
  expect(taken).toMatchObject([{ recordId: '1' }])
})

it('releases what was not settled, except a claim that another worker has by now', async () => {
  await edit('1', 'Mine')
  const mine = await claim(one)
  await one.release(mine.term)
  const theirs = await claim(other)
  expect(theirs.changes).toHaveLength(1)
  await one.release(mine.term)
  expect(await readStates(sql)).toEqual(['sending'])
})

it('is not held up by times of a clock that was a day ahead and was set back', async () => {
  await edit('1', 'Postponed')
  const put = await claim(one)
  await one.release(put.term, { seconds: 60 })
  expect(await readDue(sql)).toMatchObject({ due: false })
  const vendor = await sql<{ id: string }[]>`insert into scopestack.vendors (name) values ('Left') returning id`
  const left = await claim(one)
  await recordDeparture(sql, left.changes[0]!, left.term)
  await one.release(left.term)
  await setClockAhead(sql, 86_400)
  expect(await readDue(sql)).toMatchObject({ due: true })
  const first = await claim(one)
  const then = await claim(other)
  expect([...first.changes, ...then.changes].map(({ recordId }) => recordId)).toEqual(['1', vendor[0]!.id])
  const requested = await readChanges(sql, ['requestedAgo'])
  expect(requested.filter(({ requestedAgo }) => requestedAgo !== null && requestedAgo < 0)).toEqual([])
})

it('lets what refers to a new row wait for it, and gives it the real id', async () => {
  await sql`
    with c as (insert into scopestack.clients (name) values ('New') returning id)
    insert into scopestack.projects (project_name, client_id) select 'Its project', id from c`
  const first = await claim(one)
  expect(first.changes).toMatchObject([{ resource: 'clients', op: 'create' }])
  expect((await claim(other)).changes).toEqual([])
  await settleSent(deps, first.changes[0]!, first.term, answer('77', 'New'), null)
  expect(await sql`select client_id from scopestack.projects`).toEqual([{ client_id: '77' }])
  expect((await claim(other)).changes).toMatchObject([{ resource: 'projects', relationships: { client: '77' } }])
  expect(await sql`select id from scopestack.clients where name = 'New'`).toEqual([{ id: '77' }])
})

it('distinguishes due changes that are blocked from due ones that can be sent', async () => {
  expect(await readDue(sql)).toMatchObject({ due: false })
  await sql`
    with c as (insert into scopestack.clients (name) values ('Refused') returning id)
    insert into scopestack.projects (project_name, client_id) select 'Behind it', id from c`
  const { term } = await claim(one)
  await parkOf(sql, 'clients')
  expect((await claim(other)).changes).toEqual([])
  expect(await readDue(sql)).toEqual({ due: true, term })
  await edit('1', 'Goes on')
  const next = await claim(other)
  expect(await readDue(sql)).toEqual({ due: true, term: next.term })
  expect(next.term).toBeGreaterThan(term)
})

it('replaces the id also where a pull has seen the record before its response came', async () => {
  await sql`insert into scopestack.clients (name) values ('Raced')`
  const { changes, term } = await claim(one)
  await leased(sql, (tx) => createMirror(catalog.get('clients')!).load(tx, [answer('88', 'Raced')]))
  await settleSent(deps, changes[0]!, term, answer('88', 'Raced'), null)
  expect(await sql`select id from scopestack.clients where name = 'Raced'`).toEqual([{ id: '88' }])
})

it('keeps a settled change for 90 days, and one that is not settled for ever', async () => {
  for (const [id, name] of [
    ['1', 'Old'],
    ['2', 'New'],
    ['3', 'Waiting'],
  ] as const) {
    await edit(id, name)
  }
  await settleDaysAgo(sql, '1', 'sent', 91)
  await settleDaysAgo(sql, '2', 'sent', 89)
  await settleDaysAgo(sql, '3', 'parked', 999)
  expect(await pruneSettledChanges(sql)).toBe(1)
  expect(await readChanges(sql, ['recordId'])).toEqual([{ recordId: '2' }, { recordId: '3' }])
})
