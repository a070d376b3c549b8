import { defineResource, to } from '../catalog/resource.ts'

export default defineResource('pricing-adjustments', {
  comment:
    'One row per adjustment of the price of a project. All that ScopeStack sends is in sync_extra. Joins projects by project_id.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'pricing-adjustments' },
    { from: 'below', parent: 'projects', path: 'pricing-adjustments' },
  ],
  attributes: {},
  toOne: {
    project: to('projects', 'Project whose price is adjusted.'),
  },
})
