/** Columns that are added move values out of `sync_extra`, and change neither the digest of a row nor what it holds. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { defineResource, text, type Column, type Kind, type RemoteRecord } from '../../../src/catalog/resource.ts'
import { createRowEncoder, rowColumns } from '../../../src/store/mirror/row.ts'

const declared = defineResource('things', {
  comment: 'Things.',
  confidence: 'high',
  attributes: { name: text('Name.') },
})

const MEMBERS = ['weight', 'constructor', '__proto__', 'a,b', 'tree']
const KINDS: readonly Kind[] = ['text', 'decimal', 'boolean', 'date', 'timestamp', 'json', 'texts']

const column = (member: string, at: number, kind: Kind, from: Column['from'] = 'attribute'): Column => ({
  name: `added_${at}`,
  member,
  from,
  kind: from === 'to-one' ? 'text' : kind,
  target: from === 'attribute' ? undefined : 'people',
  writable: false,
  comment: '',
  entries: undefined,
  keyOf: undefined,
  nameOf: undefined,
  volatile: false,
})

const values = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('2026-01-02', '1.5', 'true', ['a'], 7))
const members = fc.dictionary(fc.constantFrom(...MEMBERS, 'name'), values)
const linkage = fc.oneof(
  fc.constantFrom(null, undefined, { type: 'people', id: '7' }, { type: 'other', id: '7' }),
  fc.string({ minLength: 1, maxLength: 2_000 }).map((id) => ({ type: 'people', id })),
)
const records = fc.record({
  attributes: members,
  owner: linkage,
})
const toRecord = ({ attributes, owner }: { attributes: object; owner: unknown }): RemoteRecord => ({
  type: 'things',
  id: '1',
  // As a response is read: an object's own `__proto__`.
  attributes: JSON.parse(
    `{${Object.entries(attributes)
      .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
      .join()}}`,
  ) as unknown,
  relationships: owner === undefined ? { owner: { links: {} } } : { owner: { data: owner } },
})

it('the digest is that of the row without them, for any columns', () => {
  fc.assert(
    fc.property(
      records,
      fc.uniqueArray(fc.constantFrom(...MEMBERS)),
      fc.constantFrom(...KINDS),
      (made, chosen, kind) => {
        const record = toRecord(made)
        const added = [...chosen.map((member, at) => column(member, at, kind)), column('owner', 99, 'text', 'to-one')]
        const plain = createRowEncoder(declared)(record)
        const row = createRowEncoder({ ...declared, added })(record)
        expect(row.hash).toBe(plain.hash)
        expect(row.values).toHaveLength(rowColumns({ ...declared, added }).length)
        // A value is in its column or in sync_extra, and never in both.
        const extra = JSON.parse(row.values.at(-1) ?? '{}') as Record<string, unknown>
        for (const [at, { member, name }] of added.entries()) {
          const held = row.values[2 + at]
          if (held !== null) expect(Object.hasOwn(extra, member), name).toBe(false)
        }
        const before = JSON.parse(plain.values.at(-1) ?? '{}') as Record<string, unknown>
        const names = new Set(added.map(({ member }) => member))
        expect(Object.entries(extra).filter(([name]) => !names.has(name))).toEqual(
          Object.entries(before).filter(([name]) => !names.has(name)),
        )
        expect(row.drift.filter((one) => one.kind === 'undeclared' && names.has(one.member))).toEqual([])
      },
    ),
    { numRuns: 150 },
  )
})
