import { defineResource } from '../catalog/resource.ts'

export default defineResource('payment-credits', {
  comment:
    'One row per payment credit of the account. All that ScopeStack sends is in sync_extra. Joins business_units by payment_credits_ids.',
  // Seen only as the other end of a relationship: the list path is inferred, the members are not known (API notes §2).
  confidence: 'low',
  fallbacks: [{ from: 'included', list: 'business-units', include: 'payment-credits' }],
  attributes: {},
})
