import { defineResource, to } from '../catalog/resource.ts'

export default defineResource('resource-plans', {
  comment:
    'One row per resource plan of a project: when which role works on it. All that ScopeStack sends is in sync_extra. Joins projects by project_id.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'resource-plans' },
    { from: 'below', parent: 'projects', path: 'resource-plans' },
  ],
  attributes: {},
  toOne: {
    project: to('projects', 'Project that is planned.'),
  },
})
