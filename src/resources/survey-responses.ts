import { defineResource } from '../catalog/resource.ts'

export default defineResource('survey-responses', {
  comment:
    'One row per answer in a survey. All that ScopeStack sends is in sync_extra; surveys.responses holds the answers too.',
  // Seen only as the other end of a relationship: the list path is inferred, the members are not known (API notes §2).
  confidence: 'low',
  fallbacks: [{ from: 'below', parent: 'surveys', path: 'survey-responses' }],
  attributes: {},
})
