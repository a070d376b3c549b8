import { boolean, defineResource, to } from '../catalog/resource.ts'

export default defineResource('project-credits', {
  comment:
    'One row per credit granted on the price of a project. All else that ScopeStack sends is in sync_extra. Joins projects by project_id.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'project-credits' },
    { from: 'below', parent: 'projects', path: 'project-credits' },
  ],
  attributes: {
    // Doubtful: not always sent.
    active: boolean('False when the credit is archived: off the project, but kept.'),
  },
  toOne: {
    project: to('projects', 'Project the credit is granted on.'),
  },
})
