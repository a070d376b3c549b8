/** What several waiting edits of a record amount to. */
import { expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { coalesce } from '../../../src/store/changes/coalesce.ts'

const clients = catalog.get('clients')!
const none = { relationships: {}, base: {} }
const entries = (...list: unknown[]) => ({ attributes: { 'user-defined-fields': list } })

it('an edit of a new row that waits keeps what the row was given beside names and values', () => {
  const created = {
    op: 'create',
    ...none,
    ...entries({ name: 'tier', value: 'A', label: 'Tier' }, { name: 'region', value: 'N' }),
  } as const
  const edited = {
    op: 'update',
    ...none,
    ...entries({ name: 'tier', value: 'B' }, { name: 'lead', value: 'Ana', label: 'Lead' }),
  } as const
  expect(coalesce(clients, [created, edited])).toEqual({
    op: 'create',
    ...none,
    ...entries(
      { name: 'tier', value: 'B', label: 'Tier' },
      { name: 'region', value: 'N' },
      { name: 'lead', value: 'Ana', label: 'Lead' },
    ),
  })
})

it('of two edits of a field the later value is sent, relative to the value before both', () => {
  const [one, two] = ['B', 'C'].map((value, index) => ({
    op: 'update' as const,
    ...none,
    ...entries({ name: 'tier', value, label: 'Tier' }),
    base: entries({ name: 'tier', value: index === 0 ? 'A' : 'B' }),
  }))
  expect(coalesce(clients, [one!, two!])).toEqual({
    op: 'update',
    ...none,
    ...entries({ name: 'tier', value: 'C', label: 'Tier' }),
    base: { ...entries({ name: 'tier', value: 'A' }), relationships: {} },
  })
})
