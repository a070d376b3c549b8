import { boolean, decimal, defineResource, integer, json, text, to } from '../catalog/resource.ts'

export default defineResource('project-services', {
  comment: 'One row per service on a project. Joins projects by project_id and, unless custom, services by service_id.',
  confidence: 'high',
  completeFilters: { active: 'true,false' },
  filters: ['project', 'service-type', 'active'],
  writes: ['create'],
  naturalKey: ['project', 'name', 'service'],
  byProject: { by: 'filter', filter: 'project' },
  attributes: {
    active: boolean('False when the service is archived: off the project, but kept.'),
    name: text('Name of the service on this project.', { writable: true }),
    quantity: integer('How many units are sold.', { writable: true }),
    'override-hours': decimal('Hours for one unit on this project; null when not overridden.', { writable: true }),
    'actual-hours': decimal('Hours really spent; null when not recorded.', { writable: true }),
    position: integer('Place within the project, 1 first.', { writable: true }),
    'service-type': text('Kind of service: professional_services or managed_services.', { writable: true }),
    // The to-one `lob` makes lob_id; this is the same line of business as sent inside the attributes, a JSON number.
    'lob-id': text('Older name of line_of_business_id: the same line of business, as sent in the attributes.', {
      column: 'lob_number',
    }),
    'payment-frequency': text('How often the service is charged, such as one_time.', { writable: true }),
    'task-source': text('Where it came from: standard (catalog), custom or another word.', { writable: true }),
    languages: json('Statement-of-work texts by language_fields.sow_language; Markdown or HTML.', { writable: true }),
    'variable-rates': json('Hours by quantity: {hours: [{base_amount, unit_amount, minimum_quantity}]}, or {}.'),
    'calculated-pricing': json(
      'Calculated cost and revenue in the currency of the project (report_projects.currency); numbers may be strings, so cast them.',
    ),
    'extended-hours': decimal('Hours of the service itself times its quantity.'),
    'total-hours': decimal('Hours of the service with its subservices.'),
    'external-resource-name': text('Name of the role shown to clients; null when unset.'),
    sku: text('Stock-keeping unit of the service; null when unset.'),
    'service-description': text('Description of the service on this project.', { writable: true }),
    'target-margin': decimal('Margin aimed at; null when none is set, and whether percent or fraction is not known.'),
    'payment-method': text('How it is paid, such as payment_term_schedule.'),
    // Integer or string: text, so that it joins.
    'resource-rate-id': text('Rate the hours are priced with (resource_rates.id); null when none is set.', {
      keyOf: 'resource-rates',
    }),
    'custom-hours?': boolean('True when the hours were set by hand; null when not said.'),
    notes: json('Notes on the service: array, mostly empty.'),
  },
  includedToMany: ['project-subservices'],
  toOne: {
    project: to('projects', 'Project the service is on.', { writable: true }),
    'project-location': to('project-locations', 'Location the work is done at; null when none is chosen.'),
    'project-phase': to('project-phases', 'Phase of the project the work falls into.'),
    'project-resource': to('project-resources', 'Role of the project that does the work.'),
    resource: to('resources', 'Standard resource behind that role.'),
    service: to('services', 'Catalog service it was copied from; null when custom.', { writable: true }),
    // The name of the type is unsure (API notes §10).
    lob: to('lines-of-business', 'Older name of line_of_business_id: line of business that delivers the service.'),
    'service-category': to('service-categories', 'Category the service is filed under.'),
  },
  // project-subservices: project-subservices.project-service carries it. notes: doubtful, the attribute holds them, and
  // a wrong include may get the biggest list refused. allocated-governances: the type at the other end is unknown.
  namedKeys: {
    line_of_business_id: {
      from: ['lob_id', 'lob_number'],
      type: 'lines-of-business',
      comment: 'Line of business that delivers the service.',
    },
  },
  amounts: {
    calculated_revenue:
      'Revenue of the service without its subservices, out of calculated_pricing, in the currency of the project. Made here: it cannot be edited.',
    calculated_cost:
      'Cost of the service without its subservices, out of calculated_pricing, in the currency of the project. Made here: it cannot be edited.',
  },
})
