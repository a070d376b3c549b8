import { defineResource, to } from '../catalog/resource.ts'

export default defineResource('approval-steps', {
  comment:
    'One row per step of the approval workflow of a project. All that ScopeStack sends is in sync_extra. Joins projects by project_id, project_approvals by approval_step_id.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'approval-steps' },
    { from: 'below', parent: 'projects', path: 'approval-steps' },
  ],
  attributes: {},
  toOne: {
    project: to('projects', 'Project to approve.'),
  },
})
