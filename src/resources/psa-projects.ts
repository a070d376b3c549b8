import { defineResource } from '../catalog/resource.ts'

export default defineResource('psa-projects', {
  comment:
    'One row per project in the connected PSA tool. All that ScopeStack sends is in sync_extra. Joins projects by psa_project_id.',
  // Seen only as the other end of a relationship: the list path is inferred, the members are not known (API notes §2).
  // The include of projects was seen used; it brings only those that a project is linked to.
  confidence: 'low',
  fallbacks: [{ from: 'included', list: 'projects', include: 'psa-project' }],
  attributes: {},
})
