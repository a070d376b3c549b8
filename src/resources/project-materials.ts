import { boolean, defineResource, to } from '../catalog/resource.ts'

export default defineResource('project-materials', {
  comment:
    'One row per material that a project needs. All else that ScopeStack sends is in sync_extra. Joins projects by project_id.',
  // Only its name is known, as a relationship of projects that was never seen included: the list path is inferred and
  // the members are not known (API notes §2, §10).
  confidence: 'low',
  fallbacks: [{ from: 'below', parent: 'projects', path: 'project-materials' }],
  attributes: {
    // Doubtful: not always sent.
    active: boolean('False when the material is archived: off the project, but kept.'),
  },
  toOne: {
    project: to('projects', 'Project that needs the material.'),
  },
})
