import { defineResource, to } from '../catalog/resource.ts'

export default defineResource('customer-successes', {
  comment:
    'One row per entry on the customer success of a project. All that ScopeStack sends is in sync_extra. Joins projects by project_id.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'customer-successes' },
    { from: 'below', parent: 'projects', path: 'customer-successes' },
  ],
  attributes: {},
  toOne: {
    project: to('projects', 'Project the entry is about.'),
  },
})
