/** What the errors of a refusal mean in columns (API notes §6). */
import { expect, it } from 'vitest'
import { catalog } from '../../src/registry.ts'
import { problemsOf } from '../../src/sync/write-document.ts'

const clients = catalog.get('clients')!

it.each([
  ['an attribute by its pointer', '/data/attributes/msa-date', 'is invalid', 'msa_date', 'is invalid'],
  ['a relationship by its pointer', '/data/relationships/account', 'must exist', 'account_id', 'must exist'],
  ['a member that the text begins with', null, 'domain - Locked by an approval', 'domain', 'Locked'],
  ['no member, which leads to no column', '/data', 'Locked', null, 'Locked'],
  ['a member that no column has', '/data/attributes/colour', 'is unknown', null, 'is unknown'],
])('%s', (_, pointer, detail, column, message) => {
  const title = message
  expect(problemsOf(clients, [{ pointer, title, detail }])).toEqual([{ column, pointer, message }])
})

it('an error that says nothing is said to', () => {
  const [problem] = problemsOf(clients, [{ pointer: null, title: '', detail: '' }])
  expect(problem!.message).toBe('no reason was given')
})
