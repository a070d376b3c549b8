/** /v1/me: the record that names the user, its privileges and the account. */
import type { World } from '../world.ts'

const areas = [
  'projects.overview',
  'projects.services',
  'projects.sow_language',
  'projects.resource_rates',
  'projects.materials',
  'projects.surveys',
  'projects.psa',
  'projects.notes',
  'projects.tasks',
  'settings.services',
  'settings.questionnaires',
  'settings.blueprints',
]

/** `privileges` is an array here and an object on users (API notes §1, §2). */
export function meDocument({ account, apiBase }: Pick<World, 'account' | 'apiBase'>): Buffer {
  const privileges = areas.map((privilege) => ({
    privilege,
    'access-level': privilege === 'projects.psa' ? 'purge' : 'manage',
  }))
  const data = {
    id: account.userId,
    type: 'mes',
    links: { self: `${apiBase().origin}/v1/mes` },
    attributes: {
      name: 'Reporting Sync',
      title: 'Service account',
      email: account.email,
      phone: '',
      'account-id': account.id,
      'account-slug': account.slug,
      privileges,
      uuid: '00000000-0000-4000-8000-000000000002',
      'site-admin': false,
    },
  }
  return Buffer.from(JSON.stringify({ data }))
}
