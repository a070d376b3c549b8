import { defineResource } from '../catalog/resource.ts'

export default defineResource('survey-recommendations', {
  comment:
    'One row per recommendation of a survey. All that ScopeStack sends is in sync_extra; surveys.recommendations holds them too.',
  // Seen only as the other end of a relationship: the list path is inferred, the members are not known (API notes §2).
  // recommendations is an action of two clients rather than a relationship, and what it answers is not known (§2b).
  confidence: 'low',
  fallbacks: [
    { from: 'below', parent: 'surveys', path: 'survey-recommendations' },
    { from: 'below', parent: 'surveys', path: 'recommendations' },
  ],
  attributes: {},
})
