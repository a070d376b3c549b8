import { boolean, defineResource, to } from '../catalog/resource.ts'

export default defineResource('project-expenses', {
  comment:
    'One row per expense planned on a project, such as travel. All else that ScopeStack sends is in sync_extra. Joins projects by project_id.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'project-expenses' },
    { from: 'below', parent: 'projects', path: 'project-expenses' },
  ],
  attributes: {
    // Doubtful: not always sent.
    active: boolean('False when the expense is archived: off the project, but kept.'),
  },
  toOne: {
    project: to('projects', 'Project the expense is planned on.'),
  },
})
