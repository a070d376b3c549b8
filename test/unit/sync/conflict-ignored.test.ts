import { expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import type { Decision } from '../../../src/store/changes/change.ts'
import { ignoredValues } from '../../../src/sync/push/conflict.ts'

const clients = catalog.get('clients')!

const sent = (member: string, remote: unknown, local: unknown, rest: Partial<Decision> = {}): Decision => ({
  member,
  base: remote,
  remote,
  local,
  decision: 'send',
  ...rest,
})

it.each<[string, Decision, Record<string, unknown>, boolean]>([
  ['taken as it was sent', sent('domain', 'old', 'new'), { domain: 'new' }, false],
  ['left as it was', sent('domain', 'old', 'new'), { domain: 'old' }, true],
  ['emptied', sent('msa-date', '2026-01-01', 'infinity'), { 'msa-date': null }, true],
  ['spelled in another way', sent('domain', 'old', ' new '), { domain: 'new' }, false],
  ['cleared, as was wished', sent('domain', 'old', null), { domain: '' }, false],
  ['not sent', sent('domain', 'old', 'new'), { name: 'Acme' }, false],
  [
    'not sent, since ScopeStack won',
    sent('domain', 'old', 'new', { decision: 'remote-wins' }),
    { domain: 'old' },
    false,
  ],
  [
    'a user-defined field that is not defined',
    sent('user-defined-fields', null, '7', { entry: 'headcuont' }),
    { 'user-defined-fields': [{ name: 'headcount', value: '5' }] },
    true,
  ],
  [
    'a user-defined field',
    sent('user-defined-fields', '5', '7', { entry: 'headcount' }),
    { 'user-defined-fields': [{ name: 'headcount', value: '7' }] },
    false,
  ],
])('%s', (_, decision, attributes, ignored) => {
  const answer = { id: '1', type: 'clients', attributes }
  expect(ignoredValues(clients, [decision], answer)).toEqual(ignored ? [decision] : [])
})
