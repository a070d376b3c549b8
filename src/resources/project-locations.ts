import { boolean, defineResource, json, text, to } from '../catalog/resource.ts'

export default defineResource('project-locations', {
  comment: 'One row per location of a project. Joins projects by project_id, project_services by project_location_id.',
  confidence: 'high',
  filters: ['project'],
  writes: ['create', 'update'],
  naturalKey: ['project', 'name'],
  byProject: { by: 'filter', filter: 'project' },
  attributes: {
    name: text('Name of the location, unique within its project.', { writable: true }),
    street: text('Street and number.', { writable: true }),
    street2: text('Second line of the address.', { writable: true }),
    city: text('City of the location.', { writable: true }),
    state: text('State or province.', { writable: true }),
    'postal-code': text('Postal or ZIP code.', { writable: true }),
    country: text('Country of the location.', { writable: true }),
    remote: boolean('True when the work is done from afar, not at the address.', { writable: true }),
    'project-variables': json(
      'User-defined fields: array of definitions with their value, null when not filled. Write [{name, value}].',
      { writable: true, entries: ['name', 'value'] },
    ),
  },
  toOne: {
    project: to('projects', 'Project the location belongs to.', { writable: true }),
  },
})
