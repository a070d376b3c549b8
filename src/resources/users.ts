import { boolean, defineResource, json, text, to } from '../catalog/resource.ts'

export default defineResource('users', {
  comment: 'One row per user of the account. Joins projects by creator_id, approvals by user_id.',
  confidence: 'medium',
  filters: ['email'],
  attributes: {
    name: text('Full name of the user.'),
    email: text('E-mail address the user signs in with.'),
    phone: text('Phone number; null or empty when unset.'),
    title: text('Job title; null or empty when unset.'),
    privileges: json("What the user's role may do: object of privilege to level (view, create, manage or purge)."),
    'preferred-rate-table': json('Preferred rate table as a raw row; null when none is chosen.'),
    'guided-onboarding': json("State of the user's guided tour; empty or null when not started."),
    'view-only': boolean('True when the user can read but not change anything.'),
  },
  toOne: {
    account: to('accounts', 'Account the user belongs to, by its slug.'),
    'rate-table': to('rate-tables', 'Preferred rate table of the user (rate_tables.id); null when none is chosen.'),
  },
  toMany: {
    teams: to('teams', 'Teams the user is a member of (ids of teams).'),
  },
})
