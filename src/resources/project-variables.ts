import { boolean, decimal, defineResource, integer, json, text, to } from '../catalog/resource.ts'

export default defineResource('project-variables', {
  comment:
    'One row per user-defined field. Values: project_variables, user_defined_fields of the tables it is used on.',
  confidence: 'high',
  completeFilters: { active: 'true,false' },
  filters: ['active', 'variable-context', 'name'],
  attributes: {
    active: boolean('False when the field is archived.'),
    label: text('Label of the field as people see it.'),
    name: text('Key of the field; the same as name inside the json of values.'),
    description: text('Help text shown with the field; null when unset.'),
    'variable-type': text('Kind of value: text, number, date or select.'),
    minimum: decimal('Smallest value allowed; null for no limit.'),
    maximum: decimal('Largest value allowed; null for no limit.'),
    required: boolean('True when the field must be filled.'),
    position: integer('Place among the fields, 1 first.'),
    'variable-context': text(
      'Used on: project, service_location, project_contact, product, crm_opportunity, governance or client.',
    ),
    'select-options': json('Choices: array of {key, value, default}; people see key, value is stored.'),
  },
  toOne: {
    account: to('accounts', 'Account the field belongs to, by its slug.'),
  },
})
