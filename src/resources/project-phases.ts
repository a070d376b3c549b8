import { boolean, defineResource, integer, text, to } from '../catalog/resource.ts'

export default defineResource('project-phases', {
  comment: 'One row per phase of a project. Joins projects by project_id and the standard phases by phase_id.',
  confidence: 'high',
  completeFilters: { active: 'true,false' },
  filters: ['project', 'active'],
  byProject: { by: 'filter', filter: 'project' },
  attributes: {
    active: boolean('False when the phase is archived on the project.'),
    name: text('Name of the phase on this project.'),
    'sow-language': text('Language field that describes the work of the phase (language_fields.sow_language).'),
    position: integer('Order of the phases, 1 first.'),
  },
  toOne: {
    project: to('projects', 'Project the phase is part of.'),
    phase: to('phases', 'Standard phase it was copied from.'),
  },
})
