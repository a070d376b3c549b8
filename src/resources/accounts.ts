import { defineResource } from '../catalog/resource.ts'

export default defineResource('accounts', {
  comment:
    "One row per ScopeStack account, in practice one. Its id is the account's slug, which every account_id holds.",
  confidence: 'medium',
  // No list and no known attributes (API notes §2). Payment terms are a short list, hardly ever empty, whose include of
  // the account was seen used. Whatever comes lands in sync_extra.
  read: { from: 'included', list: 'payment-terms', include: 'account' },
  attributes: {},
})
