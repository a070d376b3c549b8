import { boolean, defineResource, integer, text, to } from '../catalog/resource.ts'

export default defineResource('vendors', {
  comment: 'One row per vendor, a supplier of products. Its quotes are in quotes_ids.',
  confidence: 'high',
  completeFilters: { active: 'true,false' },
  filters: ['active', 'name'],
  writes: ['create', 'update'],
  naturalKey: ['name'],
  attributes: {
    active: boolean('False when the vendor is archived.', { writable: true }),
    name: text('Name of the vendor.', { writable: true }),
    'street-address': text('Street and number.', { writable: true }),
    street2: text('Second line of the address.', { writable: true }),
    city: text('City of the vendor.', { writable: true }),
    state: text('State or province.', { writable: true }),
    'postal-code': text('Postal or ZIP code.', { writable: true }),
    country: text('Country as a two-letter code, often in lower case (us).', { writable: true }),
    'project-count': integer('Number of projects the vendor appears in; counted by ScopeStack.'),
  },
  toOne: {
    account: to('accounts', 'Account the vendor belongs to, by its slug.', { writable: true }),
  },
  // A quote is only known to name its project.
  toMany: {
    quotes: to('quotes', 'Quotes received from the vendor (ids of quotes).'),
  },
})
