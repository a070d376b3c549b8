/** Which answers are of the record that was asked for. */
import { expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { mismatchOf } from '../../../src/sync/list/same-record.ts'

const clients = catalog.get('clients')!
const lines = catalog.get('lines-of-business')!
const ACCOUNT = { slug: 'demo', accountId: '1001' }
const of = (account: unknown) => ({ type: 'clients', id: '7', attributes: {}, relationships: { account } })
const own = { type: 'clients', id: '7', attributes: { name: 'Acme' } }

it.each<[string, unknown]>([
  ['the record', own],
  ['the record with relationships', { ...own, relationships: { account: { links: {} } } }],
  ['of our account, by its slug', of({ data: { type: 'accounts', id: 'demo' } })],
  ['of our account, by its number', of({ data: { type: 'accounts', id: '1001' } })],
  ['of our account, by a number', of({ data: { type: 'accounts', id: 1001 } })],
  ['of no account that it names', of({ data: null })],
  ['with an account that is another thing', of({ data: { type: 'crm-accounts', id: '0018000' } })],
])('is accepted: %s', (_, data) => {
  expect(mismatchOf(data, { resource: clients, id: '7', ...ACCOUNT })).toBeNull()
})

it.each<[string, unknown, string]>([
  ['null', null, 'it holds no record'],
  ['nothing', undefined, 'it holds no record'],
  ['a list of it', [own], 'it is a list, and one record was expected'],
  ['an empty list', [], 'it is a list, and one record was expected'],
  ['a text', 'x', 'it holds nothing with a type and an id'],
  ['no type', { id: '7', attributes: {} }, 'it holds nothing with a type and an id'],
  ['no id', { type: 'clients', attributes: {} }, 'it holds nothing with a type and an id'],
  ['an empty id', { ...own, id: '' }, 'it holds nothing with a type and an id'],
  ['an id that is a number', { ...own, id: 7 }, 'it holds nothing with a type and an id'],
  ['another id', { ...own, id: '8' }, 'it is of clients "8", not of 7'],
  ['an id of another form', { ...own, id: '007' }, 'it is of clients "007", not of 7'],
  ['another type', { ...own, type: 'contacts' }, 'it is of "contacts", not of clients'],
  ['no attributes', { type: 'clients', id: '7' }, 'its attributes are not an object'],
  ['attributes that are a list', { ...own, attributes: [] }, 'its attributes are not an object'],
  ['relationships that are a text', { ...own, relationships: 'x' }, 'its relationships are not an object'],
  ['another account', of({ data: { type: 'accounts', id: 'else' } }), 'it is of account "else", not of demo'],
  ['another number', of({ data: { type: 'accounts', id: 1002 } }), 'it is of account "1002", not of demo'],
])('is not accepted: %s', (_, data, objection) => {
  expect(mismatchOf(data, { resource: clients, id: '7', ...ACCOUNT })).toBe(objection)
})

it('a record that is nested deeper than can be compared or stored is not accepted', () => {
  const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))
  const nestedBy = (levels: number) => ({ ...own, attributes: { name: 'Acme', 'user-defined-fields': nested(levels) } })
  const wanted = { resource: clients, id: '7', ...ACCOUNT }
  expect(mismatchOf(nestedBy(400), wanted)).toBeNull()
  expect(mismatchOf(nestedBy(600), wanted)).toBe('its values are nested deeper than 500 levels')
  expect(mismatchOf(nestedBy(100_000), wanted)).toBe('its values are nested deeper than 500 levels')
})

it('another spelling of its type is its own', () => {
  const [alias] = lines.aliases
  expect(mismatchOf({ type: alias, id: '1', attributes: {} }, { resource: lines, id: '1', ...ACCOUNT })).toBeNull()
})

it('the id of a new record may be any that can be kept', () => {
  const wanted = { resource: clients, id: null, ...ACCOUNT }
  expect(mismatchOf(own, wanted)).toBeNull()
  expect(mismatchOf({ ...own, id: 'a\0' }, wanted)).toBe('it is of clients "a\\u0000"')
})

it('any number passes for an account whose own is not known', () => {
  const account = of({ data: { type: 'accounts', id: '1002' } })
  expect(mismatchOf(account, { resource: clients, id: '7', slug: 'demo' })).toBeNull()
})
