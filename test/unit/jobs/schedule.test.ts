import { expect, test } from 'vitest'
import { intervalsAbout, readSchedule, readSchedules } from '../../../src/jobs/schedule.ts'
import { untilNextTick } from '../../../src/jobs/scheduler.ts'

const iso = (date: Date | null): string | undefined => date?.toISOString()
const at = (text: string): Date => new Date(text)

test('a tick is due from its second on', () => {
  const schedule = readSchedule('full', '*/5 * * * * *', 'UTC')
  expect(iso(schedule.dueBy(at('2026-01-01T00:00:05.000Z')))).toBe('2026-01-01T00:00:05.000Z')
  expect(iso(schedule.dueBy(at('2026-01-01T00:00:04.999Z')))).toBe('2026-01-01T00:00:00.000Z')
  expect(iso(schedule.dueBy(at('2026-01-01T00:00:09.999Z')))).toBe('2026-01-01T00:00:05.000Z')
  expect(iso(schedule.nextAfter(at('2026-01-01T00:00:05.000Z')))).toBe('2026-01-01T00:00:10.000Z')
})

// Where clocks go from 2 to 3, half past two is the moment they do; where they go back, the hour that is there twice counts once.
test.each([
  ['spring', '30 2 * * *', '2026-03-08T00:00:00Z', '2026-03-08T07:00:00.000Z', '2026-03-09T06:30:00.000Z'],
  ['autumn', '30 1 * * *', '2026-11-01T00:00:00Z', '2026-11-01T05:30:00.000Z', '2026-11-02T06:30:00.000Z'],
])('daylight saving, %s: once a day', (_, pattern, from, first, second) => {
  const schedule = readSchedule('full', pattern, 'America/New_York')
  expect(iso(schedule.nextAfter(at(from)))).toBe(first)
  expect(iso(schedule.nextAfter(at(first)))).toBe(second)
  expect(iso(schedule.dueBy(at(second)))).toBe(second)
  expect(iso(schedule.dueBy(new Date(at(second).getTime() - 1)))).toBe(first)
})

// Friday to Monday; the last tick of a day to the first of the next: who asks meanwhile must not find the data late.
test.each([
  ['0 2 * * 1-5', '2026-11-29T12:00:00Z', [24, 72, 24]],
  ['0 2 * * 1-5', '2026-11-30T02:05:00Z', [72, 24, 24]],
  ['*/15 8-18 * * *', '2026-11-28T23:00:00Z', [0.25, 13.25, 0.25]],
  ['*/15 8-18 * * *', '2026-11-28T08:01:00Z', [13.25, 0.25, 0.25]],
  ['*/15 * * * *', '2026-11-28T08:01:00Z', [0.25, 0.25, 0.25]],
])('the hours from tick to tick of %s about %s are %j', (pattern, now, hours) => {
  const schedule = readSchedule('full', pattern, 'UTC')
  expect(intervalsAbout(schedule, at(now)).map((seconds) => seconds / 3600)).toEqual(hours)
})

test('the next tick is that of the nearest schedule, and none when all are off', () => {
  const now = at('2026-01-01T00:00:00.250Z')
  const schedules = [readSchedule('full', '0 2 * * *', 'UTC'), readSchedule('incremental', '* * * * *', 'UTC')]
  expect(untilNextTick(schedules, now)).toBe(59_750)
  expect(untilNextTick([], now)).toBe(Number.POSITIVE_INFINITY)
})

test('off is valid; a pattern that is none, or is never due, is not', () => {
  const settings = { schedule: 'off', incrementalSchedule: '@hourly', timezone: 'UTC' }
  expect(readSchedules(settings).map(({ name }) => name)).toEqual(['incremental'])
  expect(() => readSchedules({ ...settings, schedule: '61 * * * *', incrementalSchedule: '0 0 31 2 *' })).toThrow(
    expect.objectContaining({
      code: 'SYNC_CONFIG',
      message: expect.stringMatching(
        /2 mistakes.*\n.*SYNC_SCHEDULE .*minute.*\n.*SYNC_INCREMENTAL_SCHEDULE .*never/,
      ) as string,
    }) as Error,
  )
})
