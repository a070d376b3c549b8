/** One long list that three processes read together, on both queues, while they are killed and suspended and the queue is wiped. */
import { expect, test } from 'vitest'
import { expireLeases } from '../../support/tables/fleet.ts'
import { expireReaders, readReaders } from '../../support/tables/progress.ts'
import { readRunOutcomes } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { fillClients } from '../support/setting.ts'
import {
  clientIds,
  ended,
  openUnattended,
  runsOf,
  type QueueKind,
  type Started,
  type Unattended,
} from '../support/unattended.ts'

const PAGES = 300
const PAGE_SIZE = 10
const ENV = { SYNC_SHARE_PAGES: '10', LOG_LEVEL: 'debug' }

/** Living readers that have written something. */
const readersOf = async ({ sql }: Unattended) =>
  (await readReaders(sql, ['holder', 'pages', 'isLiving'])).filter(({ isLiving, pages }) => isLiving && pages > 0)

const allRead = (setting: Unattended, count: number) =>
  until(async () => (await readersOf(setting)).length >= count, `${count} processes to read the list`)

const isHelper = ({ log }: Started): boolean => log().some(({ msg }) => msg === 'is called to help with a long list')

/** Not with an open transaction, for whose end others would have to wait. */
async function suspend({ sql }: Unattended, process: Started): Promise<void> {
  await until(async () => {
    process.kill('SIGSTOP')
    const open = await sql`
      select from pg_stat_activity
      where datname = current_database() and application_name like 'scopestack-sync%' and state <> 'idle'`
    if (open.count > 0) process.kill('SIGCONT')
    return open.count === 0
  }, 'a moment between two transactions')
  await expireReaders(sql)
  await expireLeases(sql)
}

const CASES: readonly (readonly [QueueKind, killed: 'coordinator' | 'helper'])[] = [
  ['postgres', 'helper'],
  ['redis', 'coordinator'],
]

test.concurrent.each(CASES)(
  'on %s a list that three processes read is complete after the %s is killed, another is suspended and the queue is wiped',
  async (kind, killed) => {
    await using setting = await openUnattended(kind, { latency: 40 })
    const { sim, sql, queue, start } = setting
    fillClients(sim, PAGES * PAGE_SIZE)
    const processes = [start(ENV), start(ENV), start(ENV)]
    await allRead(setting, 3)
    const helpers = await until(() => {
      const called = processes.filter(isHelper)
      return called.length === 2 ? called : undefined
    }, 'two of them to be called')
    const coordinator = processes.find((one) => !helpers.includes(one))!
    const victim = killed === 'coordinator' ? coordinator : helpers[0]!
    victim.kill('SIGKILL')
    await victim.run
    await queue.wipe()
    for (const { id } of sim.records.list('clients').slice(40, 60)) sim.records.remove('clients', id)
    await allRead(setting, 2)
    const suspended = killed === 'coordinator' ? helpers[0]! : coordinator
    await suspend(setting, suspended)
    await ended(setting)
    const { mirrored, remote } = await clientIds(setting)
    expect(mirrored.filter((id) => !remote.includes(id)).length).toBeLessThanOrEqual(20)
    expect(remote.filter((id) => !mirrored.includes(id))).toEqual([])
    expect(await sql`select from scopestack.clients where sync_deleted_at is not null`).toHaveLength(
      mirrored.length - remote.length,
    )
    expect(await readRunOutcomes(sql, ['outcome'])).toMatchObject([{ outcome: 'ok' }])
    const before = await sql`select id, ctid::text, xmin::text from scopestack.clients order by id`
    suspended.kill('SIGCONT')
    suspended.kill('SIGTERM')
    expect(await suspended.run).toMatchObject({ code: 0 })
    expect(await sql`select id, ctid::text, xmin::text from scopestack.clients order by id`).toEqual(before)
    expect(await runsOf(setting)).toMatchObject([{ outcome: 'ok' }])
  },
)
