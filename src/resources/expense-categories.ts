import { defineResource } from '../catalog/resource.ts'

export default defineResource('expense-categories', {
  comment:
    'One row per category of expenses. All that ScopeStack sends is in sync_extra. Joins business_units by expense_categories_ids.',
  // Seen only as the other end of a relationship: the list path is inferred, the members are not known (API notes §2).
  confidence: 'low',
  fallbacks: [{ from: 'included', list: 'business-units', include: 'expense-categories' }],
  attributes: {},
})
