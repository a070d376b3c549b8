import { boolean, defineResource, text, to } from '../catalog/resource.ts'

export default defineResource('rate-tables', {
  comment: 'One row per rate table: a set of hourly rates. Joins projects, clients and users by rate_table_id.',
  confidence: 'medium',
  completeFilters: { active: 'true,false' },
  filters: ['active'],
  attributes: {
    active: boolean('False when the rate table is archived.'),
    name: text('Name of the rate table.'),
    default: boolean('True for the table used when none is chosen. Quote the name in SQL: "default".'),
    'accounting-code': text('Code of the rate table in the accounting system; null when unset.'),
  },
  toOne: {
    account: to('accounts', 'Account the rate table belongs to, by its slug.'),
    // The help pages say that each has one; the member's name is a guess (API notes §13).
    currency: to(
      'currencies',
      'Currency of its rates, and of every project priced with it; null where the account has only its default one.',
    ),
  },
  // A resource rate is only known to name its project.
  toMany: {
    'resource-rates': to('resource-rates', 'Rates in the table, one per resource (ids of resource_rates).'),
  },
})
