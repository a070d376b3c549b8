import { defineResource } from '../catalog/resource.ts'

export default defineResource('governance-calculation-types', {
  comment: 'One row per way to calculate governance hours. What is known of it is in sync_extra.',
  confidence: 'medium',
  // The shape of this lookup is unknown (API notes §2): everything it sends lands in sync_extra.
  attributes: {},
})
