import { boolean, defineResource, integer, text, to } from '../catalog/resource.ts'

export default defineResource('phases', {
  comment:
    "One row per standard phase of a project (plan, design, implement). A project's own copy is in project_phases.",
  confidence: 'medium',
  completeFilters: { active: 'true,false' },
  filters: ['active'],
  attributes: {
    active: boolean('False when the phase is archived.'),
    name: text('Name of the phase.'),
    position: integer('Order of the phases, 1 first.'),
    'sow-language': text('Language field that describes the work of the phase (language_fields.sow_language).'),
  },
  toOne: {
    account: to('accounts', 'Account the phase belongs to, by its slug.'),
  },
})
