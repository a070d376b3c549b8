/** The text of a refusal, in the shapes that servers were seen to send. */
import { describe, expect, it } from 'vitest'
import { errorObjectsOf, errorDetail } from '../../../src/remote/documents/error-response.ts'

it.each<[string, unknown, string]>([
  [
    'JSON:API errors',
    { errors: [{ title: 'Invalid field', detail: 'lob is not a valid include' }, { title: 'Other' }] },
    'Invalid field: lob is not a valid include; Other',
  ],
  [
    'a title that its detail repeats',
    { errors: [{ title: 'is invalid', detail: 'name - is invalid' }] },
    'name - is invalid',
  ],
  [
    'errors by member',
    { errors: { name: ['is taken', 'is too long'], base: ['Locked'] } },
    'name is taken; name is too long; Locked',
  ],
  ['errors by member, one text each', { errors: { name: 'is taken' } }, 'name is taken'],
  ['a list of texts', { errors: ["Name can't be blank", 'Locked'] }, "Name can't be blank; Locked"],
  ['one text', { errors: 'Name is taken' }, 'Name is taken'],
  ['an error', { error: 'Name is taken' }, 'Name is taken'],
  ['an error with an object in it', { error: { code: 7, message: 'Name is taken' } }, 'Name is taken'],
  ['an error with errors in it', { error: { errors: { name: ['is taken'] } } }, 'name is taken'],
  ['an error and its description', { error: 'invalid', error_description: 'Name is taken' }, 'invalid: Name is taken'],
  ['a message', { message: 'Name is taken' }, 'Name is taken'],
  ['a message beside the errors', { message: 'Invalid', errors: { name: ['is taken'] } }, 'name is taken'],
  [
    'members alone, as of model.errors',
    { name: ['is taken'], email: ['is invalid'] },
    'name is taken; email is invalid',
  ],
  [
    'what Rails itself sends',
    { status: 404, error: 'Not Found', exception: '#<X>', traces: { a: ['b'] } },
    'Not Found',
  ],
  ['errors that name a field', { errors: [{ field: 'name', message: 'is taken' }] }, 'name is taken'],
  ['a list at the top', ["Name can't be blank"], "Name can't be blank"],
  ['a text', 'Name is taken', 'Name is taken'],
])('%s', (_, body, text) => {
  expect(errorDetail(JSON.stringify(body))).toBe(text)
})

it.each([
  ['plain text', 'Retry\nlater\n', 'Retry later'],
  ['a page, by its title', '<!DOCTYPE html><HTML><Head><TITLE>\nSorry &amp; bye</TITLE>', 'Sorry & bye'],
  ['a page without a title, by its heading', '<html><body><h1 class="x">Blocked</h1>', 'Blocked'],
  ['a page without either', '<html><body>Blocked', ''],
  ['a page that ends in its title', '<title>Blocked', ''],
  ['nothing', '', ''],
  ['JSON that was cut', '{"errors":[{"title":"Inv', ''],
  ['JSON without a text', '{"data":{"id":"1"},"errors":[null,3]}', ''],
])('%s', (_, body, text) => {
  expect(errorDetail(body)).toBe(text)
})

describe('is bounded', () => {
  const long = 'a\u0000 '.repeat(100_000)

  it.each([
    ['a text', long],
    ['a page', `<title>${long}</title>`],
    ['tags that do not end', '<title'.repeat(200_000)],
    ['one error', JSON.stringify({ errors: [{ title: long, detail: long }] })],
    ['many', JSON.stringify({ errors: Array.from({ length: 10_000 }, (_, n) => `Error ${n}`) })],
    ['many members', JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`m${n}`, ['x']])))],
    ['objects in each other', `${'{"errors":'.repeat(2_000)}"x"${'}'.repeat(2_000)}`],
    ['half a character at the end', `${'x'.repeat(298)}\u{1F600}`.repeat(3)],
  ])('%s', (_, body) => {
    const detail = errorDetail(body)
    expect(detail.length).toBeLessThanOrEqual(500)
    expect(detail).toMatch(/^\P{Cc}*$/u)
    expect(detail.isWellFormed()).toBe(true)
    expect(errorObjectsOf(body).length).toBeLessThanOrEqual(20)
  })
})
