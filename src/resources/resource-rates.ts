import { defineResource, to } from '../catalog/resource.ts'

export default defineResource('resource-rates', {
  comment:
    'One row per rate of a resource, in a rate table or on a project. All that ScopeStack sends is in sync_extra. Joins projects by project_id, rate_tables by rate_tables.resource_rates_ids.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'resource-rates' },
    { from: 'below', parent: 'projects', path: 'resource-rates' },
  ],
  attributes: {},
  toOne: {
    project: to('projects', 'Project the rate is for; null when it is only part of a rate table.'),
  },
})
