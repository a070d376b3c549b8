import { describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import type { ChangeContent, Decision } from '../../../src/store/changes/change.ts'
import { rebaseOntoBase, rebaseOntoResponse } from '../../../src/store/changes/rebase.ts'

const vendors = catalog.get('vendors')!
const clients = catalog.get('clients')!
const projects = catalog.get('projects')!

const update = (attributes: object, was: object, relationships = {}, wasRelated = {}): ChangeContent => ({
  op: 'update',
  attributes: attributes as ChangeContent['attributes'],
  relationships,
  base: { attributes: was as ChangeContent['attributes'], relationships: wasRelated },
})
const answer = (attributes: object, relationships = {}) => ({ type: 'vendors', id: '7', attributes, relationships })
const sent = (member: string, local: unknown, entry?: string): Decision => ({
  member,
  ...(entry === undefined ? {} : { entry }),
  base: null,
  local,
  remote: null,
  decision: 'send',
})
const udf = (values: Record<string, unknown>) => ({
  'user-defined-fields': Object.entries(values).map(([name, value]) => ({ name, value })),
})

describe('behind a response', () => {
  it('takes what ScopeStack made of what was written, in another spelling or not', () => {
    const change = update({ city: 'Bern ' }, { city: null })
    const answered = { change, record: answer({ city: 'Bern' }), decisions: [sent('city', 'Bern ')], wasFound: false }
    expect(rebaseOntoResponse(vendors, answered, [update({ city: 'Basel' }, { city: 'Bern ' })])).toEqual([
      { attributes: { city: 'Bern' }, relationships: {} },
    ])
  })

  it('takes nothing that was not written, and nothing that the later edit did not find', () => {
    const change = update({ city: 'Bern', country: 'CH' }, { city: null, country: null })
    const record = answer({ city: 'BERN', country: 'Theirs', name: 'Theirs' })
    const decisions: Decision[] = [sent('city', 'Bern'), { ...sent('country', 'CH'), decision: 'remote-wins' }]
    const later = [update({ city: 'x', country: 'x', name: 'x' }, { city: 'Not Bern', country: 'CH', name: 'Old' })]
    expect(rebaseOntoResponse(vendors, { change, record, decisions, wasFound: false }, later)).toEqual(
      later.map(({ base }) => base),
    )
  })

  it('moves the first edit of each member, and none behind it', () => {
    const change = update({ city: 'Bern' }, { city: null })
    const later = [
      update({ country: 'CH' }, { country: null }),
      update({ city: 'Basel' }, { city: 'Bern' }),
      update({ city: 'Bern' }, { city: 'Basel' }),
      update({ city: 'Biel' }, { city: 'Bern' }),
    ]
    const bases = rebaseOntoResponse(
      vendors,
      { change, record: answer({ city: 'BERN' }), decisions: [sent('city', 'Bern')], wasFound: false },
      later,
    )
    expect(bases.map(({ attributes }) => attributes?.['city'])).toEqual([undefined, 'BERN', 'Basel', 'Bern'])
  })

  it('takes what a new record was filled in with, unless it had to be looked for', () => {
    const content: ChangeContent = { op: 'create', attributes: { name: 'New' }, relationships: {}, base: {} }
    const record = answer({ name: 'New', active: true })
    const later = [update({ active: false }, { active: null })]
    const bases = (wasFound: boolean) =>
      rebaseOntoResponse(vendors, { change: content, record, decisions: null, wasFound }, later)
    expect(bases(false)).toMatchObject([{ attributes: { active: true } }])
    expect(bases(true)).toMatchObject([{ attributes: { active: null } }])
  })

  it('takes user-defined fields one by one', () => {
    const change = update(udf({ a: 'sent' }), udf({ a: null }))
    const record = answer(udf({ a: 'SENT', b: 'Theirs' }))
    const decisions = [sent('user-defined-fields', 'sent', 'a')]
    const deletion: ChangeContent = {
      op: 'delete',
      attributes: {},
      relationships: {},
      base: { attributes: udf({ a: 'sent', b: 'old' }) },
    }
    expect(
      rebaseOntoResponse(clients, { change, record, decisions, wasFound: false }, [
        update(udf({ a: 'x', b: 'x' }), udf({ a: 'sent', b: 'old' })),
      ]),
    ).toMatchObject([{ attributes: udf({ a: 'SENT', b: 'old' }) }])
    expect(rebaseOntoResponse(clients, { change, record, decisions, wasFound: false }, [deletion])).toMatchObject([
      { attributes: udf({ a: 'SENT', b: 'old' }) },
    ])
  })

  it('leaves members that the response does not carry', () => {
    const change = update({}, {}, { client: '5' }, { client: '4' })
    const later = [update({}, {}, { client: '6' }, { client: '5' })]
    const bases = (relationships: object) =>
      rebaseOntoResponse(
        projects,
        { change, record: answer({}, relationships), decisions: [sent('client', '5')], wasFound: false },
        later,
      )
    expect(bases({ client: {} })).toMatchObject([{ relationships: { client: '5' } }])
    expect(bases({ client: { data: { type: 'clients', id: '9' } } })).toMatchObject([
      { relationships: { client: '9' } },
    ])
  })
})

it('behind a discarded one, takes the base of that one', () => {
  const gone = update({ city: 'Bern', ...udf({ a: 'mine' }) }, { city: 'Old', ...udf({ a: 'old' }) })
  const later = [
    update(
      { city: 'Basel', country: 'CH', ...udf({ a: 'x', b: 'x' }) },
      { city: 'Bern', country: null, ...udf({ a: 'mine', b: 'was' }) },
    ),
  ]
  expect(
    rebaseOntoBase(
      clients,
      { ...gone, attributes: udf({ a: 'mine' }), base: { attributes: udf({ a: 'old' }) } },
      later,
    ),
  ).toMatchObject([{ attributes: udf({ a: 'old', b: 'was' }) }])
  expect(rebaseOntoBase(vendors, gone, later)).toMatchObject([{ attributes: { city: 'Old', country: null } }])
})
