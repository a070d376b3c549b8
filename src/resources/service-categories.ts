import { boolean, defineResource, text, to } from '../catalog/resource.ts'

export default defineResource('service-categories', {
  comment: 'One row per category of the service catalog. Joins services and project_services by service_category_id.',
  // No filter is known: archived categories may not be listed (API notes §4).
  confidence: 'medium',
  attributes: {
    name: text('Name of the category.'),
    'nested-name': text('Name with its parents in front, separated by slashes: Networking / Switching.'),
    active: boolean('False when the category is archived.'),
  },
  toOne: {
    // The name of the type is unsure (API notes §10).
    lob: to('lines-of-business', 'Older name of line_of_business_id: line of business the category belongs to.'),
    account: to('accounts', 'Account the category belongs to, by its slug.'),
  },
  namedKeys: {
    line_of_business_id: {
      from: ['lob_id'],
      type: 'lines-of-business',
      comment: 'Line of business the category belongs to.',
    },
  },
})
