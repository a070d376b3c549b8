import { boolean, defineResource, integer, text } from '../catalog/resource.ts'

export default defineResource('lines-of-business', {
  comment: 'One row per line of business. Joins services, project_services and others by line_of_business_id.',
  // Neither its path nor its type is known for certain: one client calls line-of-businesses, and tolerates its failure
  // (API notes §2, §10). Categories are a short list, and each belongs to one.
  confidence: 'low',
  aliases: ['lobs', 'line-of-businesses'],
  read: { from: 'list', path: 'line-of-businesses' },
  fallbacks: [
    { from: 'list', path: 'lines-of-business' },
    { from: 'list', path: 'lobs' },
    { from: 'included', list: 'service-categories', include: 'lob' },
  ],
  attributes: {
    name: text('Name of the line of business.'),
    code: text('Code of the line of business; null when unset.'),
    active: boolean('False when the line of business is archived.'),
    position: integer('Place in the list, 1 first.'),
  },
  // service-categories: service-categories.lob carries it.
})
