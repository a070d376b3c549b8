import { defineResource, to } from '../catalog/resource.ts'

export default defineResource('audit-logs', {
  comment:
    'One row per entry of the audit log of a project: who changed what. All that ScopeStack sends is in sync_extra. Joins projects by project_id.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'audit-logs' },
    { from: 'below', parent: 'projects', path: 'audit-logs' },
  ],
  attributes: {},
  toOne: {
    project: to('projects', 'Project that was changed.'),
  },
})
