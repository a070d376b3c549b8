import { boolean, defineResource, to } from '../catalog/resource.ts'

export default defineResource('project-collaborators', {
  comment:
    'One row per person who works on the scope of a project with its owner. All else that ScopeStack sends is in sync_extra. Joins projects by project_id.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'project-collaborators' },
    { from: 'below', parent: 'projects', path: 'project-collaborators' },
  ],
  attributes: {
    // Doubtful: not always sent.
    active: boolean('False when the collaborator is archived: off the project, but kept.'),
  },
  toOne: {
    project: to('projects', 'Project the person works on.'),
  },
})
