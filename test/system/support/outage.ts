import { expect } from 'vitest'
import { startWireRelay, type WireRelay } from '../../support/network/wire-relay.ts'
import { onTestFinished } from '../../support/run/test-context.ts'
import { until } from '../../support/until.ts'
import { runsOf, type Unattended } from './unattended.ts'

/** A run each second, so that one of them is always close. */
export const OFTEN = { SYNC_SCHEDULE: '* * * * * *' }

export async function relayTo(url: string): Promise<WireRelay> {
  const relay = await startWireRelay(url)
  onTestFinished(() => relay[Symbol.asyncDispose]())
  return relay
}

/** Waits for the end of two runs: the first may have begun before. */
export async function goesOn(setting: Pick<Unattended, 'sql'>): Promise<void> {
  // Before the first start there are no tables.
  const now = await runsOf(setting).catch(() => [])
  const newest = Math.max(0, ...now.map(({ id }) => id))
  const ended = async (): Promise<boolean> =>
    (await runsOf(setting)).filter((run) => run.id > newest && run.finishedAt !== null).length >= 2
  await until(ended, 'two runs to begin and end')
}

export async function expectNothingLost(setting: Pick<Unattended, 'sql'>): Promise<void> {
  const runs = await runsOf(setting)
  expect(runs.filter(({ finishedAt, outcome }) => finishedAt !== null && outcome !== 'ok')).toEqual([])
}

/** For `test.each`: once in `npm run faults`, otherwise none, since a skipped test counts as failed. */
export const LONG: readonly string[] = process.env['FAULTS'] === 'long' ? ['long'] : []
