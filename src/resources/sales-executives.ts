import { boolean, defineResource, text, to } from '../catalog/resource.ts'

export default defineResource('sales-executives', {
  comment: 'One row per sales executive, the seller named on a project. Joins projects by sales_executive_id.',
  confidence: 'high',
  completeFilters: { active: 'true,false' },
  filters: ['active', 'name', 'email'],
  writes: ['create', 'update'],
  naturalKey: ['name', 'email'],
  attributes: {
    active: boolean('False when the sales executive is archived.', { writable: true }),
    name: text('Full name of the sales executive.', { writable: true }),
    email: text('E-mail address; null when unset.', { writable: true }),
    title: text('Job title; null when unset.', { writable: true }),
    phone: text('Phone number; null when unset.', { writable: true }),
  },
  toOne: {
    account: to('accounts', 'Account the sales executive belongs to, by its slug.', { writable: true }),
  },
})
