import { boolean, decimal, defineResource, json, text, to } from '../catalog/resource.ts'

export default defineResource('crm-opportunities', {
  comment: 'One row per opportunity from the CRM; it may have several projects. Joins projects by crm_opportunity_id.',
  confidence: 'high',
  completeFilters: { 'is-closed': 'true,false' },
  filters: ['opportunity-id', 'is-closed', 'display-name'],
  writes: ['create', 'update', 'delete'],
  naturalKey: ['opportunity-id'],
  attributes: {
    'opportunity-id': text('Id of the opportunity in the CRM. No key of a table here.', { writable: true }),
    name: text('Name of the opportunity.', { writable: true }),
    'display-name': text('Client, opportunity and CRM id in one, as pick lists show it.', { writable: true }),
    amount: decimal('Amount of the opportunity as the CRM gives it; null when unset.', { writable: true }),
    stage: text('Sales stage, in the words of the CRM.', { writable: true }),
    'is-closed': boolean('True when the opportunity is closed in the CRM, won or lost.', { writable: true }),
    'owner-id': text('Id of the owner in the CRM. No key of a table here.', { writable: true }),
    'owner-name': text('Name of the owner in the CRM.', { writable: true }),
    // The to-one `account` makes account_id, the ScopeStack account; this is the CRM's own key.
    'account-id': text('Id of the customer company in the CRM, not the ScopeStack account. No key of a table here.', {
      column: 'crm_account_id',
      writable: true,
    }),
    'account-name': text('Name of the customer company in the CRM.', { writable: true }),
    'location-name': text('Name of the place the work is for; null when unset.', { writable: true }),
    street: text('Street and number of that place.', { writable: true }),
    city: text('City of that place.', { writable: true }),
    state: text('State or province of that place.', { writable: true }),
    'postal-code': text('Postal or ZIP code of that place.', { writable: true }),
    country: text('Country of that place.', { writable: true }),
    'custom-attributes': json('Further CRM fields: array of {key, val}; an object also occurs.', {
      writable: true,
      entries: ['key', 'val'],
    }),
  },
  toOne: {
    account: to('accounts', 'ScopeStack account the opportunity belongs to, by its slug.', { writable: true }),
  },
  // projects: projects.crm-opportunity carries it, though only this end was seen written (API notes §2).
})
