import { defineResource } from '../catalog/resource.ts'

export default defineResource('project-surveys', {
  comment:
    'One row per link between a project and a survey. All that ScopeStack sends is in sync_extra. Joins surveys by project_survey_id.',
  // Seen only as the other end of a relationship: the list path is inferred, the members are not known (API notes §2).
  confidence: 'low',
  fallbacks: [{ from: 'included', list: 'surveys', include: 'project-survey' }],
  attributes: {},
})
