import { boolean, decimal, defineResource, text, to } from '../catalog/resource.ts'

export default defineResource('resources', {
  comment:
    "One row per resource: a role with an hourly rate, not a person. A project's own copy is in project_resources.",
  confidence: 'high',
  completeFilters: { active: 'true,false' },
  filters: ['active'],
  attributes: {
    active: boolean('False when the resource is archived.'),
    name: text('Name of the role.'),
    'external-name': text('Name of the role shown to clients; null or empty when unset.'),
    description: text('Description of the role.'),
    'hourly-rate': decimal(
      "Standard price of an hour, in the account's default currency; rate tables may override it.",
    ),
    'hourly-cost': decimal("Standard cost of an hour, in the account's default currency."),
  },
  toOne: {
    account: to('accounts', 'Account the resource belongs to, by its slug.'),
  },
  // No to-many: governances and the project_* tables name the resource in a to-one of their own.
  includedToMany: ['governances'],
})
