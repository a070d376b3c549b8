import { defineResource, to } from '../catalog/resource.ts'

export default defineResource('partner-requests', {
  comment:
    'One row per request to a partner to take part in a project. All that ScopeStack sends is in sync_extra. Joins projects by project_id.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'partner-requests' },
    { from: 'below', parent: 'projects', path: 'partner-requests' },
  ],
  attributes: {},
  toOne: {
    project: to('projects', 'Project the request is about.'),
  },
})
