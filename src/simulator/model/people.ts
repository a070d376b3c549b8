/** Models of people and of the account: users, engineers, executives, business units. */
import { contains, equals, flag, many, model, never, one, seen, unsure } from './model.ts'

export const accounts = model('accounts', {
  listed: false,
  attributes: { name: never('string'), slug: never('string') },
})

export const users = model('users', {
  attributes: {
    name: unsure('string'),
    email: unsure('string'),
    phone: unsure('string?'),
    title: unsure('string?'),
    privileges: never('json'),
    'preferred-rate-table': never('json?'),
    'guided-onboarding': never('json?'),
    'view-only': unsure('boolean'),
  },
  toOne: { account: one('accounts'), 'rate-table': one('rate-tables') },
  toMany: { teams: many('teams') },
  filters: { email: equals('email') },
})

export const presalesEngineers = model('presales-engineers', {
  attributes: { name: never('string'), email: never('string') },
  toOne: { account: one('accounts') },
  filters: { name: contains('name'), email: equals('email') },
})

export const salesExecutives = model('sales-executives', {
  attributes: {
    active: seen('boolean'),
    name: seen('string'),
    email: seen('string?'),
    title: seen('string?'),
    phone: seen('string?'),
  },
  toOne: { account: one('accounts', 'seen') },
  filters: { active: flag('active'), name: contains('name'), email: equals('email') },
  required: ['name'],
})

export const businessUnits = model('business-units', {
  attributes: {
    name: unsure('string?'),
    'external-name': unsure('string?'),
    'street-address': unsure('string?'),
    street2: unsure('string?'),
    city: unsure('string?'),
    state: unsure('string?'),
    'postal-code': unsure('string?'),
    country: unsure('string?'),
  },
  toOne: { account: one('accounts') },
  toMany: {
    clients: many('clients'),
    'crm-opportunities': many('crm-opportunities'),
    'document-templates': many('document-templates'),
    'expense-categories': many('expense-categories'),
    governances: many('governances'),
    'payment-credits': many('payment-credits'),
    'payment-terms': many('payment-terms'),
    phases: many('phases'),
    products: many('products'),
    'project-variables': many('project-variables'),
    projects: many('projects', 'business-unit'),
    'rate-tables': many('rate-tables'),
    resources: many('resources'),
    'service-categories': many('service-categories'),
    services: many('services'),
    teams: many('teams'),
    users: many('users'),
  },
})
