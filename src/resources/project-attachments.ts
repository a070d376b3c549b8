import { boolean, defineResource, to } from '../catalog/resource.ts'

export default defineResource('project-attachments', {
  comment:
    'One row per file attached to a project. All else that ScopeStack sends is in sync_extra. Joins projects by project_id.',
  // Only its name is known, as an include of projects: the list path is inferred and the members are not known (API
  // notes §2, §10).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'projects', include: 'project-attachments' },
    { from: 'below', parent: 'projects', path: 'project-attachments' },
  ],
  attributes: {
    // Doubtful: not always sent.
    active: boolean('False when the attachment is archived: off the project, but kept.'),
  },
  toOne: {
    project: to('projects', 'Project the file is attached to.'),
  },
})
