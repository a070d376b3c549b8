import { defineResource, text, to } from '../catalog/resource.ts'

export default defineResource('contacts', {
  comment:
    "One row per contact person of a client. Joins clients by client_id; a project's own are in project_contacts.",
  // Seen only as an include of clients; the list path is inferred from the type (API notes §2). A wrong path costs one
  // request to find out, and the include all clients once more; below the clients it is a request for each of them.
  confidence: 'medium',
  fallbacks: [
    { from: 'included', list: 'clients', include: 'contacts' },
    { from: 'below', parent: 'clients', path: 'contacts' },
  ],
  attributes: {
    name: text('Full name of the contact.'),
    phone: text('Phone number; null when unset.'),
    email: text('E-mail address; null when unset.'),
    title: text('Job title; null when unset.'),
  },
  toOne: {
    client: to('clients', 'Client the contact works for.'),
  },
})
