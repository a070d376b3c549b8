import { pino } from 'pino'
import { expect, test } from 'vitest'
import { withPages } from '../../../src/web/log-pages.ts'

test('a line names the page that shows what it is about, and one about nothing that has a page names none', () => {
  const lines: Record<string, unknown>[] = []
  const log = pino({ base: null, redact: ['token'] }, { write: (line) => void lines.push(JSON.parse(line) as never) })
  const paged = withPages(log, 'http://127.0.0.1:8080')
  const pageOf = (facts: object): unknown => {
    paged.info({ ...facts, token: 'secret' }, 'said')
    const { page, ...rest } = lines.at(-1)!
    expect(rest).toMatchObject({ ...JSON.parse(JSON.stringify(facts)), token: '[Redacted]', msg: 'said' })
    return page
  }
  expect(pageOf({ run: 17, kind: 'full' })).toBe('http://127.0.0.1:8080/runs/17')
  expect(pageOf({ run: 17, resource: 'clients' })).toBe('http://127.0.0.1:8080/resources/clients')
  expect(pageOf({ resource: '../x?', code: undefined })).toBe('http://127.0.0.1:8080/resources/..%2Fx%3F')
  expect(pageOf({ change: 3, resource: 'clients', record: '5' })).toBe('http://127.0.0.1:8080/changes')
  expect(pageOf({ action: 'retry', changes: [1, 2] })).toBe('http://127.0.0.1:8080/changes')
  expect(pageOf({ alert: 2, event: 'parked', run: undefined, change: undefined })).toBe('http://127.0.0.1:8080/changes')
  expect(pageOf({ action: 'pause', schedule: 'full' })).toBe('http://127.0.0.1:8080/schedule')
  expect(pageOf({ url: 'http://127.0.0.1:8080' })).toBeUndefined()
  log.info({ run: 17 }, 'of a process without a dashboard')
  expect(lines.at(-1)).not.toHaveProperty('page')
})
