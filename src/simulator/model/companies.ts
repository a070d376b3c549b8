/** Models of companies: clients, contacts, vendors, CRM opportunities. */
import { contains, equals, flag, many, model, never, one, seen, unsure } from './model.ts'

export const clients = model('clients', {
  attributes: {
    active: seen('boolean'),
    name: seen('string'),
    'msa-date': seen('date?'),
    domain: seen('string?'),
    'user-defined-fields': seen('variables'),
  },
  toOne: { account: one('accounts', 'seen'), 'rate-table': one('rate-tables') },
  toMany: { contacts: many('contacts', 'client') },
  filters: { active: flag('active'), name: contains('name'), domain: equals('domain') },
  required: ['name'],
  unique: { attribute: 'name' },
  context: 'client',
})

export const contacts = model('contacts', {
  attributes: { name: unsure('string'), phone: unsure('string?'), email: unsure('string?'), title: unsure('string?') },
  toOne: { client: one('clients') },
})

export const vendors = model('vendors', {
  attributes: {
    active: seen('boolean'),
    name: seen('string'),
    'street-address': seen('string?'),
    street2: seen('string?'),
    city: seen('string?'),
    state: seen('string?'),
    'postal-code': seen('string?'),
    country: seen('string?'),
    'project-count': never('integer'),
  },
  toOne: { account: one('accounts', 'seen') },
  toMany: { quotes: many('quotes') },
  filters: { active: flag('active'), name: contains('name') },
  required: ['name'],
})

export const crmOpportunities = model('crm-opportunities', {
  attributes: {
    'opportunity-id': seen('string'),
    name: seen('string'),
    'display-name': seen('string?'),
    amount: seen('decimal?'),
    stage: seen('string?'),
    'is-closed': seen('boolean'),
    'owner-id': seen('string?'),
    'owner-name': seen('string?'),
    // the CRM's own account, not the ScopeStack account
    'account-id': seen('string?'),
    'account-name': seen('string?'),
    'location-name': seen('string?'),
    street: seen('string?'),
    city: seen('string?'),
    state: seen('string?'),
    'postal-code': seen('string?'),
    country: seen('string?'),
    'custom-attributes': seen('json?'),
  },
  toOne: { account: one('accounts', 'seen') },
  toMany: { projects: many('projects', 'crm-opportunity') },
  filters: {
    'opportunity-id': equals('opportunity-id'),
    'is-closed': flag('is-closed'),
    'display-name': contains('display-name'),
  },
  required: ['name', 'opportunity-id'],
  unique: { attribute: 'opportunity-id' },
  // the connector searches open ones first, then closed ones (API notes §4)
  hidesWhen: { attribute: 'is-closed', is: true },
})
