import { boolean, decimal, defineResource, integer, json, text, to } from '../catalog/resource.ts'

export default defineResource('subservices', {
  comment: 'One row per task of a catalog service. Joins services by service_id, or through services.subservices_ids.',
  // No filter is known: archived subservices may not be listed (API notes §4).
  confidence: 'medium',
  attributes: {
    active: boolean('False when the subservice is archived.'),
    name: text('Name of the subservice.'),
    'service-description': text('Description of the subservice.'),
    'suggested-hours': decimal('Hours suggested for one unit.'),
    'minimum-quantity': decimal('Smallest quantity that can be sold.'),
    quantity: integer('Quantity the subservice starts with on a project.'),
    position: integer('Place within its service, 1 first.'),
    languages: json('Statement-of-work texts by language_fields.sow_language; Markdown or HTML.', { writable: true }),
  },
  toOne: {
    resource: to('resources', 'Resource (role) that does the work.'),
    service: to('services', 'Service the subservice is part of; null when ScopeStack does not say.'),
  },
})
