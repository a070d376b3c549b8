/** Every case of what was agreed, what is wanted here, and what ScopeStack holds now. */
import { describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import type { ChangeContent, Decision, Rule } from '../../../src/store/changes/change.ts'
import { coalesce } from '../../../src/store/changes/coalesce.ts'
import { readRules } from '../../../src/sync/push/conflict-rules.ts'
import { decide, compareField } from '../../../src/sync/push/conflict.ts'

const VALUES = ['agreed', 'mine', 'theirs'] as const
type Value = (typeof VALUES)[number]

/** `local` and `remote` by what they are; `base` is always what was agreed. A case that is left out does not compile. */
const TABLE: Record<Value, Record<Value | 'not sent', ReturnType<typeof compareField>>> = {
  agreed: { agreed: 'undone', mine: 'undone', theirs: 'undone', 'not sent': 'undone' },
  mine: { agreed: 'send', mine: 'same', theirs: 'conflict', 'not sent': 'send' },
  theirs: { agreed: 'send', mine: 'conflict', theirs: 'same', 'not sent': 'send' },
}

const cases = VALUES.flatMap((local) =>
  ([...VALUES, 'not sent'] as const).map((remote) => ({ local, remote, outcome: TABLE[local][remote] })),
)

it.each(cases)('local $local, remote $remote: $outcome', ({ local, remote, outcome }) => {
  expect(compareField('text', 'agreed', local, remote === 'not sent' ? undefined : remote)).toBe(outcome)
})

const EVERY_RULE: Record<Rule, { action: string; decision: Decision['decision'] }> = {
  park: { action: 'park', decision: 'park' },
  'remote-wins': { action: 'nothing', decision: 'remote-wins' },
  'local-wins': { action: 'send', decision: 'local-wins' },
}

const clients = catalog.get('clients')!
const FIELDS = 'user-defined-fields'

function update(attributes: object, base: object): ChangeContent {
  return { op: 'update', attributes: { ...attributes }, relationships: {}, base: { attributes: { ...base } } }
}

const remote = (attributes: object) => ({ type: 'clients', id: '1', attributes })

describe.each(Object.keys(EVERY_RULE) as Rule[])('the rule %s', (rule) => {
  it('is followed where the same field differs on all three sides, and recorded with all values', () => {
    const decided = decide(
      clients,
      update({ name: 'mine' }, { name: 'agreed' }),
      remote({ name: 'theirs' }),
      () => rule,
    )
    const { action, decision } = EVERY_RULE[rule]
    expect(decided).toEqual({
      action,
      hasArrived: false,
      decisions: [{ member: 'name', base: 'agreed', local: 'mine', remote: 'theirs', decision }],
    })
  })

  it('is not applied where the other side changed other fields', () => {
    const change = update({ name: 'mine' }, { name: 'agreed' })
    const decided = decide(clients, change, remote({ name: 'agreed', domain: 'theirs' }), () => rule)
    expect(decided).toMatchObject({ action: 'send', decisions: [{ member: 'name', decision: 'send' }] })
  })

  it('decides whether a record is deleted that the other side changed', () => {
    const deletion: ChangeContent = {
      op: 'delete',
      attributes: {},
      relationships: {},
      base: { attributes: { name: 'agreed' } },
    }
    expect(decide(clients, deletion, remote({ name: 'theirs' }), () => rule).action).toBe(EVERY_RULE[rule].action)
    expect(decide(clients, deletion, remote({ name: 'agreed', domain: 'theirs' }), () => rule).action).toBe('send')
  })
})

it('compares each user-defined field with its own base', () => {
  const entries = (values: object) => Object.entries(values).map(([name, value]) => ({ name, value: value as unknown }))
  const change = update({ [FIELDS]: entries({ a: 'mine', b: 'mine' }) }, { [FIELDS]: entries({ a: 'x', b: 'x' }) })
  const decided = decide(
    clients,
    change,
    remote({ [FIELDS]: entries({ a: 'x', b: 'theirs', c: 'theirs' }) }),
    () => 'remote-wins',
  )
  expect(decided.decisions).toMatchObject([
    { entry: 'a', decision: 'send' },
    { entry: 'b', remote: 'theirs', decision: 'remote-wins' },
  ])
  expect(decided.action).toBe('send')
})

describe('a value that a lost write may have written', () => {
  const left = { attributes: { name: 'mine', [FIELDS]: [{ name: 'size', value: '3.50' }] }, relationships: {} }
  const found = (attributes: object, base: object, held: object) =>
    decide(clients, update(attributes, base), remote(held), () => 'park', [left]).decisions.map(
      ({ decision }) => decision,
    )

  it.each([
    ['is taken for agreed: an edit back goes out', 'agreed', 'mine', 'send'],
    ['is taken for agreed: another edit goes out', 'third', 'mine', 'send'],
    ['is the same where it is wanted again', 'mine', 'mine', 'same'],
    ['and did not arrive, is no base', 'third', 'agreed', 'send'],
    ['and was edited there, is a conflict', 'third', 'theirs', 'park'],
    ['and was edited there, is not asked after where nothing is wanted', 'agreed', 'theirs', 'undone'],
  ])('%s', (_, local, held, decision) => {
    expect(found({ name: local }, { name: 'agreed' }, { name: held })).toEqual([decision])
  })

  it('counts for each user-defined field', () => {
    const fields = (size: string, colour: string) => ({
      [FIELDS]: [
        { name: 'size', value: size },
        { name: 'colour', value: colour },
      ],
    })
    expect(found(fields('1', 'red'), fields('1', 'blue'), fields(' 3.50', 'green'))).toEqual(['send', 'park'])
  })
})

describe('changes that wait together', () => {
  const create: ChangeContent = { op: 'create', attributes: { name: 'A' }, relationships: {}, base: {} }
  const remove: ChangeContent = {
    op: 'delete',
    attributes: {},
    relationships: {},
    base: { attributes: { name: 'C', domain: 'x' } },
  }
  const first = update({ name: 'B' }, { name: 'A' })
  const second = update({ name: 'C', domain: 'y' }, { name: 'B', domain: 'x' })

  it.each([
    [
      'a creation and its edits are one creation',
      [create, first, second],
      { ...create, attributes: { name: 'C', domain: 'y' } },
    ],
    [
      'edits are one edit of what was agreed at first',
      [first, second],
      update({ name: 'C', domain: 'y' }, { name: 'A', domain: 'x' }),
    ],
    [
      'an edit and a deletion are the deletion of what was agreed',
      [first, remove],
      { ...remove, base: { attributes: { name: 'A', domain: 'x' }, relationships: {} } },
    ],
    ['a creation and a deletion are nothing', [create, first, remove], null],
  ] as const)('%s', (_, changes, sum) => {
    const folded = coalesce(clients, changes)
    expect(folded).toEqual(sum === null ? null : expect.objectContaining({ op: sum.op, attributes: sum.attributes }))
    if (sum?.op === 'update' || sum?.op === 'delete') expect(folded!.base.attributes).toEqual(sum.base.attributes)
  })
})

describe('the rules of SYNC_CONFLICT', () => {
  it('are for everything, a resource, or a field; the nearest counts', () => {
    const rules = readRules('remote-wins, clients=local-wins,clients.name=park', catalog)
    expect([rules('vendors', 'name'), rules('clients', 'domain'), rules('clients', 'name')]).toEqual([
      'remote-wins',
      'local-wins',
      'park',
    ])
    expect(readRules(undefined, catalog)('clients', 'name')).toBe('park')
  })

  it('are refused, all mistakes at once', () => {
    expect(() => readRules('clients=mine,users=park,clients.nmae=park', catalog)).toThrow(
      /3 mistakes:\n.*"mine" is none of park, remote-wins, local-wins\.\n.*users is nothing that is written\. There are clients, .*\n.*clients\.nmae is nothing that is written\. The fields of clients are active, name, msa_date, domain, user_defined_fields\./,
    )
  })

  it('may have spaces, and name what the database calls otherwise', () => {
    const rules = readRules(' clients.msa_date = remote-wins , project_locations = local-wins ', catalog)
    expect([rules('clients', 'msa-date'), rules('project-locations', 'name'), rules('clients', 'name')]).toEqual([
      'remote-wins',
      'local-wins',
      'park',
    ])
  })

  it.each([
    ['clients=park,clients=local-wins', 'clients has two rules'],
    ['clients.msa-date=park,clients.msa_date=local-wins', 'clients.msa_date has two rules'],
    ['park,local-wins', 'two rules stand alone'],
    ['clients=park=local-wins', '"park=local-wins" is none of'],
    ['clients.name.first=park', 'clients.name.first is nothing that is written'],
  ])('of which one contradicts another, or is none, are refused: %s', (text, said) => {
    expect(() => readRules(text, catalog)).toThrow(said)
  })
})

describe('an attribute that the record does not carry', () => {
  it.each<[string, ChangeContent, string]>([
    ['is no conflict: it is sent', update({ name: 'mine', domain: 'x' }, { name: 'agreed', domain: 'y' }), 'send'],
    [
      'is none in one of its entries either',
      update({ [FIELDS]: [{ name: 'a', value: 'mine' }] }, { [FIELDS]: [{ name: 'a', value: 'agreed' }] }),
      'send',
    ],
    [
      'keeps no record from being deleted',
      { op: 'delete', attributes: {}, relationships: {}, base: { attributes: { name: 'agreed' } } },
      'send',
    ],
  ])('%s', (_, change, action) => {
    const decided = decide(clients, change, remote({ active: true }), () => 'park')
    expect(decided.action).toBe(action)
    expect(decided.decisions.every(({ decision }) => decision === 'send')).toBe(true)
  })

  it('differs from one that is null', () => {
    const change = update({ name: 'mine' }, { name: 'agreed' })
    expect(decide(clients, change, remote({ name: null }), () => 'park').action).toBe('park')
  })
})
