import { boolean, defineResource, text } from '../catalog/resource.ts'

export default defineResource('language-fields', {
  comment: 'One row per language field: a kind of text services have for the statement of work, such as assumptions.',
  confidence: 'medium',
  completeFilters: { active: 'true,false' },
  filters: ['active'],
  attributes: {
    active: boolean('False when the language field is archived.'),
    'sow-language': text('Key of the field inside the languages json of services and project_services.'),
    name: text('Name of the field; mostly the same as its key.'),
    label: text('Label of the field as people see it.'),
  },
})
