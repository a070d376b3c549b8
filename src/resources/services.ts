import { boolean, decimal, defineResource, integer, json, text, texts, to } from '../catalog/resource.ts'

export default defineResource('services', {
  comment:
    'One row per standard service of the catalog. Its copies on projects name it in project_services.service_id.',
  confidence: 'medium',
  completeFilters: { active: 'true,false' },
  filters: ['active', 'state'],
  writes: ['create'],
  attributes: {
    active: boolean('False when the service is archived.', { writable: true }),
    name: text('Name of the service.', { writable: true }),
    'service-description': text('Description of the service.', { writable: true }),
    'service-type': text('Kind of service: professional_services or managed_services.', { writable: true }),
    state: text('Where the service stands in service approval, such as active.'),
    'tag-list': texts('Tags put on the service, by name (tags.name).', { writable: true, nameOf: 'tags' }),
    'total-hours': decimal('Hours of the service with its subservices.'),
    'suggested-hours': decimal('Hours suggested for one unit of the service itself.'),
    'minimum-quantity': decimal('Smallest quantity that can be sold.'),
    sku: text('Stock-keeping unit of the service; null or empty when unset.'),
    'payment-frequency': text('How often the service is charged, such as one_time.'),
    guidance: text('Advice for the person who scopes the service.'),
    languages: json('Statement-of-work texts by language_fields.sow_language; Markdown or HTML.', { writable: true }),
    // The to-one `lob` makes lob_id; this is the same line of business as sent inside the attributes, a JSON number.
    'lob-id': text('Older name of line_of_business_id: the same line of business, as sent in the attributes.', {
      column: 'lob_number',
    }),
    position: integer('Place in the list, 1 first.'),
    'variable-rates': json('Hours by quantity: {hours: [{base_amount, unit_amount, minimum_quantity}]}, or {}.'),
    quantity: integer('Quantity the service starts with on a project.'),
    'base-hours': decimal('Hours of one unit; not always sent.', { writable: true }),
    published: boolean('True when published in the catalog; not always sent.', { writable: true }),
  },
  toOne: {
    phase: to('phases', 'Phase the work falls into.'),
    resource: to('resources', 'Resource (role) that does the work.'),
    'service-category': to('service-categories', 'Category the service is filed under.'),
    account: to('accounts', 'Account the service belongs to, by its slug.'),
    // The name of the type is unsure (API notes §10).
    lob: to('lines-of-business', 'Older name of line_of_business_id: line of business that delivers the service.'),
  },
  // subservices.service should carry it, but rests on one doubtful use, while this include was seen answered.
  toMany: {
    subservices: to('subservices', 'Subservices that make up the service (ids of subservices).'),
  },
  namedKeys: {
    line_of_business_id: {
      from: ['lob_id', 'lob_number'],
      type: 'lines-of-business',
      comment: 'Line of business that delivers the service.',
    },
  },
})
