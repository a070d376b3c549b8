import { defineResource } from '../catalog/resource.ts'

export default defineResource('questions', {
  comment:
    'One row per question of a questionnaire. All that ScopeStack sends is in sync_extra; questionnaires.questions holds them too.',
  // Seen only as an include of questionnaires: the list path is inferred, the members are not known (API notes §2).
  confidence: 'low',
  fallbacks: [
    { from: 'included', list: 'questionnaires', include: 'questions' },
    { from: 'below', parent: 'questionnaires', path: 'questions' },
  ],
  attributes: {},
})
