import { defineResource, to } from '../catalog/resource.ts'

export default defineResource('notes', {
  comment:
    'One row per note written on a project, or on one of its services. All that ScopeStack sends is in sync_extra. Joins projects by project_id.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'notes' },
    { from: 'below', parent: 'projects', path: 'notes' },
  ],
  attributes: {},
  toOne: {
    project: to('projects', 'Project the note is on.'),
  },
})
