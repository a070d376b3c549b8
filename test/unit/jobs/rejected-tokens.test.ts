import { expect, test } from 'vitest'
import { watchTokens } from '../../../src/jobs/alerts/rejected-tokens.ts'

const MINUTE = 60_000

/** @param lifeMinutes of each token. @param generationAt by minutes since the start. */
async function found(lifeMinutes: number, generationAt: (minute: number) => number, minutes: number) {
  let at = 0
  const read = async () => ({
    now: at,
    generation: generationAt(at / MINUTE),
    issuedAt: at,
    expiresAt: at + lifeMinutes * MINUTE,
  })
  const watch = watchTokens(read, () => at)
  const seen: (string | null)[] = []
  for (; at <= minutes * MINUTE; at += MINUTE / 2) {
    const kind = (await watch.look())?.kind ?? null
    if (kind !== seen.at(-1)) seen.push(kind)
  }
  return seen
}

test('tokens that live as long as they say are no alert, however short that is', async () => {
  expect(await found(120, (minute) => 1 + Math.floor(minute / 108), 400)).toEqual([null, 'recovery'])
  expect(await found(10, (minute) => 1 + Math.floor(minute / 9), 400)).toEqual([null, 'recovery'])
  expect(await found(1, (minute) => 1 + Math.floor(minute / 0.9), 90)).toEqual([null, 'recovery'])
})

test('tokens that are replaced long before their time are an alert, until that has ended for half an hour', async () => {
  const rejectedFor = (minute: number) => 1 + Math.floor(Math.min(minute, 60) / 5)
  expect(await found(120, rejectedFor, 59)).toEqual([null, 'failure'])
  expect(await found(120, rejectedFor, 120)).toEqual([null, 'failure', null, 'recovery'])
})

test('a process that has just started says nothing of the end', async () => {
  expect(await found(120, () => 7, 29)).toEqual([null])
})

test('a store that begins its generations again is no alert', async () => {
  expect(await found(120, (minute) => (minute < 40 ? 900 : 1), 60)).toEqual([null, 'recovery'])
})
