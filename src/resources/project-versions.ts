import { boolean, defineResource, to } from '../catalog/resource.ts'

export default defineResource('project-versions', {
  comment:
    'One row per version of a project: rescoping an approved project makes a new one. All else that ScopeStack sends is in sync_extra. Joins projects by project_id.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'project-versions' },
    { from: 'below', parent: 'projects', path: 'project-versions' },
  ],
  attributes: {
    // Doubtful: not always sent.
    active: boolean('False when the version is archived.'),
  },
  toOne: {
    project: to('projects', 'Project it is a version of.'),
  },
})
