import { defineResource, text, to } from '../catalog/resource.ts'

export default defineResource('presales-engineers', {
  comment: 'One row per user who may scope projects as presales engineer. Joins projects by presales_engineer_id.',
  confidence: 'medium',
  filters: ['name', 'email'],
  attributes: {
    name: text('Full name of the presales engineer.'),
    email: text('E-mail address; the same person in users has the same address.'),
  },
  toOne: {
    account: to('accounts', 'Account the presales engineer belongs to, by its slug.'),
  },
})
