/** Which kind the values suggest, and how the members of records differ from the catalog. */
import { describe, expect, it } from 'vitest'
import { defineResource, integer, text, to, type Kind, type Resource } from '../../../src/catalog/resource.ts'
import { parseDocument } from '../../../src/remote/documents/document.ts'
import { differences } from '../../../src/sync/discover/difference.ts'
import { createTally, suggestKind } from '../../../src/sync/discover/evidence.ts'

const bare = defineResource('things', { comment: 'One row per thing.', confidence: 'low', attributes: {} })

function tallyOf(resource: Resource, values: readonly object[]) {
  const tally = createTally(resource)
  for (const [at, value] of values.entries()) tally.add({ type: 'things', id: String(at), ...value })
  return tally
}

function suggested(values: readonly unknown[], member = 'a'): Kind | null {
  const tally = tallyOf(
    bare,
    values.map((value) => ({ attributes: { [member]: value } })),
  )
  return suggestKind(member, tally.attributes.get(member)!)
}

describe('the kind that values suggest', () => {
  it.each<[Kind | null, readonly unknown[]]>([
    ['boolean', [true, null, false]],
    ['boolean', [true]],
    ['boolean', [true, 'false']],
    ['integer', [1, 2, null]],
    ['integer', [1, '2']],
    ['decimal', [1, 2.5]],
    ['decimal', ['23.0', '0.10']],
    ['decimal', ['23.0', '7']],
    ['decimal', ['23.0', 0]],
    ['decimal', [1, 2, 2 ** 60]],
    ['date', ['2026-11-23', '2024-02-29']],
    ['text', ['2026-11-23', '2026-02-30']],
    ['text', ['2026-11-23', '2026-11-24', '']],
    ['timestamp', ['2026-11-23T10:00:00.000Z', '2026-11-23T10:00:00+02:00']],
    ['text', ['2026-11-23', '2026-11-23T10:00:00Z']],
    ['text', ['a', '1']],
    ['text', ['a', 1]],
    ['text', ['12', '13']],
    ['text', ['007', '008.5']],
    ['texts', [['a'], [], ['b', 'c']]],
    ['json', [['a'], [{}]]],
    ['json', [{ a: 1 }, null]],
    ['json', [{ a: 1 }, 'a']],
    ['json', [true, 'maybe']],
    ['json', [[1], [2]]],
    [null, [null, null]],
    [null, ['', [], {}, null]],
  ])('%s for %j', (kind, values) => expect(suggested(values)).toBe(kind))

  it.each<[Kind, unknown]>([
    ['decimal', 5],
    ['text', '2026-11-23'],
    ['text', '23.0'],
    ['text', 'true'],
    ['json', ['a']],
  ])('%s, the widest of its form, for %j alone', (kind, value) => expect(suggested([value, null])).toBe(kind))

  /** The list with one value that has another form. */
  const nearly = (right: unknown, wrong: unknown, count = 421): unknown[] =>
    Array.from({ length: count }, (_, at) => (at === 7 ? wrong : right))

  it.each<[Kind, unknown, unknown]>([
    ['date', '2026-11-23', '2026-02-30'],
    ['timestamp', '2026-11-23T10:00:00Z', 'soon'],
    ['boolean', true, 'maybe'],
    ['integer', 5, 'five'],
    ['decimal', '23.5', 'none'],
    ['texts', ['a'], 'a'],
    ['text', 'a', { a: 1 }],
    // A number with a decimal point is not a malformed integer.
    ['decimal', 5, 5.5],
  ])('%s, though one of 421 is no such value', (kind, right, wrong) => {
    expect(suggested(nearly(right, wrong))).toBe(kind)
  })

  it('is text if too many values do not fit, or too few fit to call one a mistake', () => {
    const days = (wrong: number, count: number) =>
      Array.from({ length: count }, (_, at) => (at < wrong ? 'soon' : '2026-11-23'))
    expect(suggested(days(2, 40))).toBe('date')
    expect(suggested(days(3, 40))).toBe('text')
    expect(suggested(days(1, 20))).toBe('date')
    expect(suggested(days(1, 19))).toBe('text')
  })

  it('is text for a key, so that it joins', () => {
    expect(suggested([1, 2], 'owner-id')).toBe('text')
    expect(suggested([{}, { a: 1 }], 'owner-id')).toBe('json')
  })

  it('depends on the digits of a number', () => {
    const body = '{"data": {"type": "things", "id": "1", "attributes": {"a": 12345678901234567890123}}}'
    const tally = createTally(bare)
    for (const record of parseDocument(body, '').records) tally.add(record)
    expect(suggestKind('a', tally.attributes.get('a')!)).toBe('decimal')
  })
})

describe('the differences', () => {
  const thing = defineResource('things', {
    comment: 'One row per thing.',
    confidence: 'low',
    attributes: { name: text('A name.'), position: integer('A place.'), old: text('Gone.') },
    toOne: { owner: to('users', 'An owner.'), lost: to('users', 'Gone.') },
  })
  const part = defineResource('parts', {
    comment: 'One row per part.',
    confidence: 'low',
    aliases: ['pieces'],
    attributes: {},
    toOne: { thing: to('things', 'Its thing.') },
  })
  const users = defineResource('users', { comment: 'One row.', confidence: 'low', aliases: ['people'], attributes: {} })
  const catalog = new Map([thing, part, users].map((resource) => [resource.type, resource]))
  const data = (...types: string[]) => ({ data: types.map((type) => ({ type, id: '1' })) })
  const links = { links: { self: 'https://x.test' } }
  const found = (records: object[], refused: string[] = []) =>
    differences(thing, catalog, tallyOf(thing, records), refused)
  const whole = { attributes: { name: 'a', position: 1, old: null }, relationships: { owner: links, lost: links } }

  it('are none if the members are equal, and none if no record was seen', () => {
    expect(found([whole])).toEqual([])
    expect(found([])).toEqual([])
  })

  it('are new members, values that do not fit, and members that no record has', () => {
    const records = [
      { attributes: { name: 'a', position: 1, colour: 'red' }, relationships: { owner: links } },
      { attributes: { name: 'b', position: 1.5 }, relationships: { maker: { data: null } } },
    ]
    expect(found(records, ['include=lost', 'page[size]=250'])).toEqual([
      { kind: 'misfit', member: 'position', declared: 'integer', suggests: 'decimal', misfits: 1, values: 2 },
      { kind: 'attribute', member: 'colour', suggests: 'text', carried: 1, told: 1 },
      { kind: 'relationship', member: 'maker', shape: 'to-one', types: [] },
      { kind: 'gone', member: 'old', shape: 'attribute' },
      { kind: 'gone', member: 'lost', shape: 'to-one' },
      { kind: 'refused', member: 'include=lost' },
    ])
  })

  it('never widen a kind because of a few values that do not fit, and count those', () => {
    const records = (misspelt: number) =>
      Array.from({ length: 100 }, (_, at) => {
        const position = at < misspelt ? 'first' : at
        return { ...whole, attributes: { ...whole.attributes, position, since: at < misspelt ? 'soon' : '2026-11-23' } }
      })
    expect(found(records(5))).toEqual([
      { kind: 'misfit', member: 'position', declared: 'integer', suggests: 'integer', misfits: 5, values: 100 },
      { kind: 'attribute', member: 'since', suggests: 'date', carried: 100, told: 100, misfits: 5 },
    ])
    expect(found(records(6))).toMatchObject([{ suggests: 'text', misfits: 6 }, { suggests: 'text' }])
  })

  it('leave out a to-many whose other side has the same relationship, by type or by name', () => {
    const ends = { parts: links, things: data('parts', 'pieces'), others: data('users'), bits: links }
    expect(found([{ ...whole, relationships: { ...whole.relationships, ...ends } }])).toEqual([
      { kind: 'relationship', member: 'others', shape: 'to-many', types: ['users'] },
      { kind: 'relationship', member: 'bits', shape: null, types: [] },
    ])
  })

  it('are relationships to another type, or to many; another name of the type is no difference', () => {
    const owned = (owner: unknown) => found([{ ...whole, relationships: { owner, lost: links } }])
    expect(owned({ data: { type: 'people', id: '1' } })).toEqual([])
    expect(owned({ data: { type: 'robots', id: '1' } })).toEqual([
      { kind: 'end', member: 'owner', shape: 'to-one', declared: 'users', types: ['robots'] },
    ])
    expect(owned(data('users'))).toEqual([{ kind: 'shape', member: 'owner', declared: 'to-one', seen: 'to-many' }])
  })
})
