import { boolean, decimal, defineResource, integer, json, text, to } from '../catalog/resource.ts'

export default defineResource('project-governances', {
  comment:
    'One row per governance on a project: overhead hours. Joins projects by project_id, governances by governance_id.',
  confidence: 'high',
  completeFilters: { active: 'true,false' },
  filters: ['project', 'active'],
  byProject: { by: 'filter', filter: 'project' },
  attributes: {
    active: boolean('False when the governance is archived on the project.'),
    description: text('Name of the governance on this project.'),
    rate: decimal('Share of the effort it covers, as a fraction: 0.1 = 10 %; null when it has none.'),
    'fixed-hours': decimal('Hours it adds whatever the effort; null when it has none.'),
    'calculation-type': text('How its hours are calculated, such as percent_of_total.'),
    'allocation-method': text('How its hours are spread over the project, such as prorate_phases_by_effort.'),
    hours: decimal('Hours that result for this project.'),
    'assign-effort-to-service': boolean('True when its hours are counted within the services it covers.'),
    'filter-type': text('Which effort it is calculated from, such as all_services.'),
    'filter-id': text(
      'Id of what filter_type narrows to; null when it covers everything. No key of one table: filter_type says which is meant.',
    ),
    position: integer('Place within the project, 1 first.'),
    'project-variables': json(
      'User-defined fields: array of definitions with their value, null when not filled. Write [{name, value}].',
      { writable: true, entries: ['name', 'value'] },
    ),
  },
  toOne: {
    project: to('projects', 'Project the governance is on.'),
    'project-phase': to('project-phases', 'Phase of the project the hours fall into.'),
    governance: to('governances', 'Catalog governance it was copied from; null when made for this project.'),
    'project-resource': to('project-resources', 'Role of the project that does the work.'),
    resource: to('resources', 'Standard resource behind that role.'),
    'resource-rate': to('resource-rates', 'Rate the hours are priced with (resource_rates.id); null when none is set.'),
    'service-category': to('service-categories', 'Service category the hours are filed under.'),
  },
})
