import { boolean, defineResource, json, text } from '../catalog/resource.ts'

export default defineResource('mes', {
  comment: 'One row: the user the sync runs as, and the account that user works in. Its id joins users.id.',
  confidence: 'high',
  read: { from: 'singleton', path: '/v1/me' },
  attributes: {
    name: text('Full name of the user.'),
    title: text('Job title; empty when unset.'),
    email: text('E-mail address the user signs in with.'),
    phone: text('Phone number; empty when unset.'),
    // Sent as a JSON number, kept as text like every key; the account's own id is its slug (API notes §8).
    'account-id': text(
      'Number of the account, which writes use. No key of a table here: accounts.id is the slug, as in account_slug.',
    ),
    'account-slug': text('Short name in addresses; joins accounts.id and every other account_id.', {
      keyOf: 'accounts',
    }),
    privileges: json(
      'What the role may do: array of {privilege, access-level}, levels view, create, manage and purge.',
    ),
    uuid: text('Universally unique id of the user.'),
    'site-admin': boolean('True when the user is a site administrator.'),
  },
})
