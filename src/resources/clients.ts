import { boolean, date, defineResource, json, text, to } from '../catalog/resource.ts'

export default defineResource('clients', {
  comment: 'One row per client, the company a project is sold to. Joins projects by client_id.',
  confidence: 'high',
  completeFilters: { active: 'true,false' },
  filters: ['active', 'name', 'domain'],
  writes: ['create', 'update'],
  naturalKey: ['name'],
  attributes: {
    active: boolean('False when the client is archived.', { writable: true }),
    name: text('Name of the client, expected to be unique in the account.', { writable: true }),
    'msa-date': date('Date of the master services agreement (MSA) with the client; null when there is none.', {
      writable: true,
    }),
    domain: text('Internet domain of the client; null or empty when unset.', { writable: true }),
    'user-defined-fields': json(
      'User-defined fields: array of definitions with their value, null when not filled. Write [{name, value}].',
      { writable: true, entries: ['name', 'value'] },
    ),
  },
  toOne: {
    account: to('accounts', 'Account the client belongs to, by its slug.', { writable: true }),
    'rate-table': to('rate-tables', 'Rate table set for the client; null when none is set.'),
  },
  // contacts.client names the client.
  includedToMany: ['contacts'],
})
