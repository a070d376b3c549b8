import { boolean, decimal, defineResource, json, text, to } from '../catalog/resource.ts'

export default defineResource('project-resources', {
  comment:
    'One row per role on a project, with its rates there. Joins projects by project_id, resources by resource_id.',
  // filter[project] was avoided on this list by the one client that reads it (API notes §2).
  confidence: 'high',
  completeFilters: { active: 'true,false' },
  filters: ['active'],
  byProject: { by: 'include', list: 'projects', filter: 'id', include: 'project-resources' },
  attributes: {
    active: boolean('False when the role is archived: off the project, but kept.'),
    name: text('Name of the role on this project.'),
    'external-name': text('Name of the role shown to clients; null when unset.'),
    'extended-name': text('Longer name of the role, composed by ScopeStack.'),
    description: text('Description of the role on this project.'),
    'total-hours': decimal('Hours of the role over the whole project.'),
    'hourly-rate': decimal('Price of an hour on this project, in the currency of the project.'),
    'hourly-cost': decimal('Cost of an hour on this project, in the currency of the project.'),
    'expense-rate': decimal('Expense rate of the role on this project, in the currency of the project.'),
    code: text('Code of the role; null when unset.'),
    resource: json('Standard resource behind the role, as a raw row; its resource_id is the key in resource_id.'),
  },
  toOne: {
    project: to('projects', 'Project the role is on.'),
    resource: to('resources', 'Standard resource the role is a copy of.'),
    // The name of the type is unsure (API notes §10).
    'line-of-business': to('lines-of-business', 'Line of business the role belongs to.'),
  },
})
