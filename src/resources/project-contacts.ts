import { boolean, defineResource, json, text, to } from '../catalog/resource.ts'

export default defineResource('project-contacts', {
  comment: "One row per contact person on a project. Joins projects by project_id; a client's own are in contacts.",
  // filter[active] was never seen on this list: archived contacts may not be listed (API notes §4).
  confidence: 'high',
  filters: ['project'],
  writes: ['create', 'update'],
  naturalKey: ['project', 'name', 'email'],
  byProject: { by: 'filter', filter: 'project' },
  attributes: {
    active: boolean('False when the contact is archived: off the project, but kept.', { writable: true }),
    name: text('Full name of the contact.', { writable: true }),
    title: text('Job title; null when unset.', { writable: true }),
    email: text('E-mail address; null when unset.', { writable: true }),
    phone: text('Phone number; null when unset.', { writable: true }),
    'contact-type': text('Part the contact plays: primary_customer_contact or customer_contact.', { writable: true }),
    'project-variables': json(
      'User-defined fields: array of definitions with their value, null when not filled. Write [{name, value}].',
      { writable: true, entries: ['name', 'value'] },
    ),
  },
  toOne: {
    project: to('projects', 'Project the contact is named on.', { writable: true }),
  },
})
