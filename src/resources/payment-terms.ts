import { boolean, defineResource, text, to } from '../catalog/resource.ts'

export default defineResource('payment-terms', {
  comment: 'One row per payment term a project can be sold with (Net 30). Joins projects by payment_term_id.',
  confidence: 'medium',
  completeFilters: { active: 'true,false' },
  filters: ['active'],
  attributes: {
    active: boolean('False when the payment term is archived.'),
    name: text('Name of the payment term.'),
    default: boolean('True for the term used when none is chosen. Quote the name in SQL: "default".'),
  },
  toOne: {
    account: to('accounts', 'Account the payment term belongs to, by its slug.'),
  },
})
