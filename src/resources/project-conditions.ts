import { boolean, defineResource, to } from '../catalog/resource.ts'

export default defineResource('project-conditions', {
  comment:
    'One row per condition of a project, such as an assumption or an exclusion. All else that ScopeStack sends is in sync_extra. Joins projects by project_id.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'project-conditions' },
    { from: 'below', parent: 'projects', path: 'project-conditions' },
  ],
  attributes: {
    // Doubtful: not always sent.
    active: boolean('False when the condition is archived: off the project, but kept.'),
  },
  toOne: {
    project: to('projects', 'Project the condition is about.'),
  },
})
