import { defineResource, json } from '../catalog/resource.ts'

export default defineResource('merge-data', {
  comment: "One row per project: all that ScopeStack merges into documents, in one json. Its id is the project's.",
  confidence: 'high',
  read: { from: 'each', parent: 'projects', path: 'merge-data', query: { 'filter[version]': '2' } },
  // Computed on demand: slow, and some projects answer with a server error (API notes §2).
  byDefault: false,
  filters: ['version'],
  attributes: {
    content: json('Merge fields, version 2: project, project_pricing, project_payments, locations, currency and more.'),
  },
})
