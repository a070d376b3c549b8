import { boolean, decimal, defineResource, integer, json, text, to } from '../catalog/resource.ts'

export default defineResource('project-subservices', {
  comment: 'One row per subservice on a project. Joins project_services by project_service_id, projects by project_id.',
  // filter[project] was never seen on this list, nor was the list itself read: clients take the nested one.
  confidence: 'high',
  fallbacks: [
    { from: 'included', list: 'project-services', include: 'project-subservices' },
    { from: 'below', parent: 'project-services', path: 'project-subservices' },
  ],
  completeFilters: { active: 'true,false' },
  filters: ['active'],
  writes: ['create'],
  byProject: { by: 'include', list: 'project-services', filter: 'project', include: 'project-subservices' },
  attributes: {
    active: boolean('False when the subservice is archived: off the project, but kept.'),
    name: text('Name of the subservice on this project.', { writable: true }),
    quantity: integer('How many units are sold.', { writable: true }),
    'extended-hours': decimal('Hours for one unit times the quantity.'),
    'override-hours': decimal('Hours for one unit on this project; null when not overridden.', { writable: true }),
    'actual-hours': decimal('Hours really spent; null when not recorded.', { writable: true }),
    position: integer('Place within its service, 1 first.'),
    'service-type': text('Kind of service: professional_services or managed_services.'),
    'payment-frequency': text('How often the subservice is charged, such as one_time.'),
    'task-source': text('Where it came from: standard (catalog), custom or another word.', { writable: true }),
    languages: json('Statement-of-work texts by language_fields.sow_language; Markdown or HTML.', { writable: true }),
    'variable-rates': json('Hours by quantity: {hours: [{base_amount, unit_amount, minimum_quantity}]}, or {}.'),
    'calculated-pricing': json(
      'Calculated cost and revenue in the currency of the project (report_projects.currency); numbers may be strings, so cast them.',
    ),
    'external-resource-name': text('Name of the role shown to clients; null when unset.'),
    sku: text('Stock-keeping unit of the subservice; null when unset.'),
    'service-description': text('Description of the subservice on this project.', { writable: true }),
    'payment-method': text('How it is paid, such as payment_term_schedule.'),
    // Integer or string: text, so that it joins.
    'resource-rate-id': text('Rate the hours are priced with (resource_rates.id); null when none is set.', {
      keyOf: 'resource-rates',
    }),
    'custom-hours?': boolean('True when the hours were set by hand; null when not said.'),
  },
  toOne: {
    account: to('accounts', 'Account the subservice belongs to, by its slug.'),
    project: to('projects', 'Project the subservice is on.'),
    'project-service': to('project-services', 'Service of the project it is part of.', { writable: true }),
    'project-location': to('project-locations', 'Location the work is done at; null when none is chosen.'),
    // The name of the type is unsure (API notes §10).
    lob: to('lines-of-business', 'Older name of line_of_business_id: line of business that delivers the subservice.'),
    phase: to('phases', "Standard phase the work falls into; project_phases.phase_id leads to the project's own."),
    'project-resource': to('project-resources', 'Role of the project that does the work.'),
    resource: to('resources', 'Standard resource behind that role.'),
    'service-category': to('service-categories', 'Category the subservice is filed under.'),
    subservice: to('subservices', 'Catalog subservice it was copied from; null when custom.'),
  },
  namedKeys: {
    line_of_business_id: {
      from: ['lob_id'],
      type: 'lines-of-business',
      comment: 'Line of business that delivers the subservice.',
    },
  },
  amounts: {
    calculated_revenue:
      'Revenue of the subservice, out of calculated_pricing, in the currency of the project. Made here: it cannot be edited.',
    calculated_cost:
      'Cost of the subservice, out of calculated_pricing, in the currency of the project. Made here: it cannot be edited.',
  },
})
