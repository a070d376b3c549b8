import { defineResource, to } from '../catalog/resource.ts'

export default defineResource('quotes', {
  comment:
    'One row per quote received from a vendor. All that ScopeStack sends is in sync_extra. Joins projects by project_id, vendors by vendors.quotes_ids.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'quotes' },
    { from: 'below', parent: 'projects', path: 'quotes' },
  ],
  attributes: {},
  toOne: {
    project: to('projects', 'Project the quote was asked for; null when it names none.'),
  },
})
