import { defineResource } from '../catalog/resource.ts'

export default defineResource('teams', {
  comment:
    'One row per team of users. All that ScopeStack sends is in sync_extra. Joins users and business_units by teams_ids.',
  // Seen only as the other end of a relationship: the list path is inferred, the members are not known (API notes §2).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'users', include: 'teams' },
    { from: 'included', list: 'business-units', include: 'teams' },
  ],
  attributes: {},
})
