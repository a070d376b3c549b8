import { boolean, decimal, defineResource, integer, text, to } from '../catalog/resource.ts'

export default defineResource('governances', {
  comment: 'One row per governance of the catalog: overhead such as project management. Joins project_governances.',
  // Seen only as an include of resources: the list path is inferred, and no filter is known (API notes §2).
  confidence: 'medium',
  fallbacks: [{ from: 'included', list: 'resources', include: 'governances' }],
  attributes: {
    active: boolean('False when the governance is archived.'),
    name: text('Name of the governance.'),
    rate: decimal('Share of the effort it covers, as a fraction: 0.1 = 10 %; null when it has none.'),
    'fixed-hours': decimal('Hours it adds whatever the effort; null when it has none.'),
    'calculation-type': text('How its hours are calculated, such as percent_of_total.'),
    'allocation-method': text('How its hours are spread over the project, such as prorate_phases_by_effort.'),
    required: boolean('True when every project must have it.'),
    'assign-effort-to-service': boolean('True when its hours are counted within the services it covers.'),
    'filter-type': text('Which effort it is calculated from, such as all_services.'),
    'filter-id': text(
      'Id of what filter_type narrows to; null when it covers everything. No key of one table: filter_type says which is meant.',
    ),
    position: integer('Place in the list, 1 first.'),
  },
  toOne: {
    account: to('accounts', 'Account the governance belongs to, by its slug.'),
    resource: to('resources', 'Resource (role) that does the work.'),
    phase: to('phases', 'Phase the hours fall into.'),
    'service-category': to('service-categories', 'Service category the hours are filed under.'),
  },
})
