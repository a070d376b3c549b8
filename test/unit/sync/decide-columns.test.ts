/** Which type the forms of a member's values make, and which name the member makes. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { freeColumnName, plainColumnName, wrongColumnName } from '../../../src/catalog/column-names.ts'
import type { MemberEvidence } from '../../../src/store/columns/evidence.ts'
import { decide } from '../../../src/sync/columns/decide.ts'

const NONE: MemberEvidence = {
  member: 'thing',
  isEnd: false,
  isBoth: false,
  values: 0,
  numbers: 0,
  strings: 0,
  booleans: 0,
  objects: 0,
  arrays: 0,
  empty: 0,
  dates: 0,
  timestamps: 0,
  points: 0,
  digits: 0,
  truths: 0,
  types: [],
}
const of = (found: Partial<MemberEvidence>) => decide({ ...NONE, ...found })

describe('the type', () => {
  it.each([
    ['numbers', { values: 3, numbers: 3 }, 'decimal'],
    ['numbers and decimals as texts', { values: 3, numbers: 1, strings: 2, points: 1, digits: 1 }, 'decimal'],
    ['decimals as texts', { values: 3, strings: 3, points: 2, digits: 1 }, 'decimal'],
    ['one decimal as a text', { values: 1, strings: 1, points: 1 }, 'text'],
    ['whole numbers as texts', { values: 3, strings: 3, digits: 3 }, 'text'],
    ['booleans', { values: 2, booleans: 2 }, 'boolean'],
    ['booleans, some as texts', { values: 3, booleans: 1, strings: 2, truths: 2 }, 'boolean'],
    ['texts that say true', { values: 2, strings: 2, truths: 2 }, 'text'],
    ['days', { values: 2, strings: 2, dates: 2 }, 'date'],
    ['days and an empty text', { values: 3, strings: 3, dates: 2, empty: 1 }, 'text'],
    ['times', { values: 1, strings: 1, timestamps: 1 }, 'timestamp'],
    ['objects and lists', { values: 2, objects: 1, arrays: 1 }, 'json'],
    ['ids as numbers', { member: 'owner-id', values: 2, numbers: 2 }, 'text'],
    ['ids as numbers and texts', { member: 'owner_id', values: 2, numbers: 1, strings: 1 }, 'text'],
  ] as const)('of %s', (_, found, kind) => {
    expect(of(found)).toEqual({ part: 'attribute', kind, target: null })
  })

  it('of a relationship is the id of what it leads to, or ids', () => {
    const end = { isEnd: true, types: ['clients'] }
    expect(of({ ...end, values: 2, objects: 2 })).toEqual({ part: 'to-one', kind: 'text', target: 'clients' })
    expect(of({ ...end, values: 2, arrays: 2 })).toEqual({ part: 'to-many', kind: 'texts', target: 'clients' })
  })

  it.each([
    ['no value so far', {}],
    ['no value but empty texts so far', { values: 2, strings: 2, empty: 2 }],
    ['values of several types: number (1), text (1)', { values: 2, numbers: 1, strings: 1 }],
    ['an attribute and a relationship have this name', { isBoth: true, values: 1, strings: 1 }],
    ['it leads to one record here, and to several there', { isEnd: true, values: 2, objects: 1, arrays: 1 }],
    ['it leads to records of several types: a, b', { isEnd: true, values: 2, objects: 2, types: ['a', 'b'] }],
    ['it does not say what it leads to', { isEnd: true, values: 2, objects: 2 }],
  ] as const)('waits: %s', (waits, found) => {
    expect(of(found)).toEqual({ waits })
  })
})

describe('the name', () => {
  it.each([
    ['win-probability', 'attribute', 'win_probability'],
    ['custom-hours?', 'attribute', 'custom_hours'],
    ['rate-table', 'to-one', 'rate_table_id'],
    ['tags', 'to-many', 'tags_ids'],
    ['rate-table-id', 'to-one', 'rate_table_id'],
    ['projectOwner', 'to-one', 'project_owner_id'],
    ['order', 'attribute', 'field_order'],
    ['order', 'to-one', 'order_id'],
    ['Café №5', 'attribute', 'cafe_no5'],
  ] as const)('of %s (%s)', (member, from, name) => {
    expect(plainColumnName(member, from)).toBe(name)
  })

  it('of any members can be used without quotes, and is free', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 80 }), { maxLength: 20 }), (members) => {
        const taken = new Set(['name', 'id'])
        return members.every((member) => {
          const name = freeColumnName(member, 'attribute', taken)
          const isRight = wrongColumnName(name, taken) === null
          taken.add(name)
          return isRight
        })
      }),
    )
  })
})
