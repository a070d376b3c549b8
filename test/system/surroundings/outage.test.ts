import { expect, test } from 'vitest'
import { startCut } from '../../support/network/cut.ts'
import { readRuns } from '../../support/tables/runs.ts'
import { until } from '../../support/until.ts'
import { ended, KINDS, openUnattended } from '../support/unattended.ts'

test.concurrent.each(KINDS)(
  'Postgres that goes and comes back is two lines in the log, and runs go on: queue on %s',
  async (kind) => {
    await using setting = await openUnattended(kind)
    await using cut = await startCut(setting.databaseUrl)
    const process = setting.start({ DATABASE_URL: cut.url, SYNC_SCHEDULE: '* * * * * *' })
    await ended(setting, 2)
    await until(() => process.log().some(({ msg }) => msg === 'started'), 'it to be started')
    const before = process.log().length
    const said = () => process.log().slice(before)
    await cut.down()
    await until(() => said().some(({ msg }) => String(msg).startsWith('Postgres is away: ')), 'a word about it')
    // By then several of its loops, and BullMQ's workers, have tried and failed.
    const since = performance.now()
    await until(() => performance.now() > since + 5_000, 'others to meet it')
    // Nor has one that had nothing to do taken that for a response.
    expect(said().filter(({ msg }) => String(msg).startsWith('Postgres is back'))).toEqual([])
    await cut.up()
    await until(() => said().some(({ msg }) => /^Postgres is back after \d+ s\.$/.test(String(msg))), 'it to be back')
    const count = (await readRuns(setting.sql, [], { outcome: 'ok' })).length
    await ended(setting, count + 2)
    const lines = said().filter(({ level }) => Number(level) >= 40)
    expect(lines.map(({ level, msg }) => [level, String(msg).replace(/:.*| after.*/, '')])).toEqual([
      [40, 'Postgres is away'],
      [40, 'Postgres is back'],
    ])
    expect(said().some((line) => 'err' in line || 'stack' in line)).toBe(false)
  },
)
