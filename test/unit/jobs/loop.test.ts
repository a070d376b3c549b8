import { expect, test } from 'vitest'
import { startLoop } from '../../../src/jobs/loop.ts'
import { createOutages } from '../../../src/jobs/outage-log.ts'
import { createLogger } from '../../../src/logger.ts'

const log = createLogger({ level: 'silent', terminal: false })
const deps = { log, outages: createOutages(log) }
/** The longest that there is, half a minute: a test that waits for it is over time. */
const FOR_EVER = (): number => Infinity

/** A loop whose turns are waited for. */
function startCounting(turn: (number: number) => void = () => {}) {
  let turns = 0
  let waiting = Promise.withResolvers<void>()
  const loop = startLoop(
    'a test',
    async () => {
      turn(++turns)
      waiting.resolve()
      waiting = Promise.withResolvers()
    },
    FOR_EVER,
    deps,
  )
  return { loop, turns: () => turns, next: () => waiting.promise }
}

test('a pause is cut short, as often as it is asked for, and the longest wish does not lengthen it', async () => {
  const { loop, turns, next } = startCounting()
  for (let round = 2; round < 5; round++) {
    const turn = next()
    loop.within(0)
    loop.within(1_000_000)
    await turn
    expect(turns()).toBe(round)
  }
  await loop.stop()
})

test('what is asked for during a turn holds for the pause behind it', async () => {
  const { loop, turns, next } = startCounting((number) => {
    if (number > 1 && number < 4) loop.within(0)
  })
  loop.within(0)
  while (turns() < 4) await next()
  await loop.stop()
  expect(turns()).toBe(4)
})

test('a loop ends in the middle of its pause, and takes no wish after that', async () => {
  const { loop, turns } = startCounting()
  await loop.stop()
  loop.within(0)
  await new Promise(setImmediate)
  expect(turns()).toBe(1)
})
