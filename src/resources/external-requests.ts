import { defineResource } from '../catalog/resource.ts'

export default defineResource('external-requests', {
  comment:
    'One row per request from outside ScopeStack. All that ScopeStack sends is in sync_extra. Joins projects by external_request_id.',
  // Seen only as the other end of a relationship: the list path is inferred, the members are not known (API notes §2).
  // The include of projects was seen used; it brings only those that a project answers.
  confidence: 'low',
  fallbacks: [{ from: 'included', list: 'projects', include: 'external-request' }],
  attributes: {},
})
