/** Generates what belongs to a project beside its services: phases, locations, contacts, documents, approvals. */
import { baseTime, day, instant, type Builder } from './builder.ts'
import { variables } from './companies.ts'
import { contactOf } from './people.ts'
import type { Draft } from './projects.ts'
import { address, person } from './words.ts'

export function makePhases(builder: Builder, project: string): string[] {
  const standard = (builder.records.table('phases')?.ordered ?? []).slice(0, 5)
  const ids: string[] = []
  for (const phase of standard) {
    if (builder.random.chance(0.05)) continue
    const { attributes } = phase
    const own = builder.add('project-phases', {
      attributes: {
        active: !builder.random.chance(0.08),
        name: attributes['name'],
        'sow-language': attributes['sow-language'],
        position: ids.length + 1,
      },
      // phases added by hand have no standard behind them
      toOne: { project, phase: builder.random.chance(0.1) ? null : phase.id },
    })
    ids.push(own.id)
  }
  return ids
}

const sites = ['HQ', 'Warehouse', 'Branch Office', 'Data Center', 'Büro Süd']

export function makeLocationsAndContacts(builder: Builder, { id, clientHost }: Draft): string[] {
  const { random } = builder
  const first = random.between(0, sites.length - 1)
  const ids: string[] = []
  for (let at = 0; at < random.between(1, 2); at += 1) {
    const place = address(random)
    const remote = random.chance(0.15)
    const own = builder.add('project-locations', {
      attributes: {
        name: sites[(first + at) % sites.length],
        street: remote ? null : place.street,
        street2: place.street2,
        city: remote ? null : place.city,
        state: remote ? '' : place.state,
        'postal-code': remote ? null : place.postal,
        country: remote ? null : place.country,
        remote,
        'project-variables': variables(builder, 'service_location'),
        latitude: remote ? null : random.between(25, 60),
      },
      toOne: { project: id },
    })
    ids.push(own.id)
  }
  for (let at = 0; at < random.between(1, 3); at += 1) {
    builder.add('project-contacts', {
      attributes: {
        active: !random.chance(0.08),
        ...contactOf(builder, clientHost),
        'contact-type': at === 0 ? 'primary_customer_contact' : 'customer_contact',
        'project-variables': variables(builder, 'project_contact'),
      },
      toOne: { project: id },
    })
  }
  return ids
}

export function makeDocumentsAndApprovals(builder: Builder, draft: Draft): void {
  const { random } = builder
  for (let left = random.between(0, 2); left > 0; left -= 1) makeDocument(builder, draft)
  if (draft.times.submitted !== null) makeApprovals(builder, draft, draft.times.submitted)
}

function makeDocument(builder: Builder, { id, times }: Draft): void {
  const { random } = builder
  const template = builder.pick('document-templates')
  const type = random.pick(['sow', 'sow', 'pricing', 'breakdown'])
  const failed = random.chance(0.06)
  const created = Math.min(times.created + random.between(1, 60) * day, baseTime - day)
  builder.add('project-documents', {
    attributes: {
      status: failed ? 'error' : 'finished',
      'error-text': failed ? 'Template has an unknown tag: {{cleint}}' : null,
      'document-url': failed
        ? null
        : `https://files.simulator.test/${id}-${String(created)}.pdf?signature=${String(random.between(1e6, 9e6))}`,
      'template-id': type === 'sow' ? template.id : type,
      'template-name': type === 'sow' ? template.attributes['name'] : null,
      'document-type': type,
      'generate-pdf': random.chance(0.8),
      'force-regeneration': random.chance(0.1),
      'created-at': instant(created),
      'updated-at': instant(created + 41_000),
    },
    toOne: { project: id },
  })
}

const roles = ['technical', 'sales', 'business'] as const

/** Every step up to the one the project waits at is approved; a lost project was declined at some step. */
function makeApprovals(builder: Builder, { id, status, times }: Draft, submitted: number): void {
  const { random } = builder
  const waiting = roles.findIndex((role) => `${role}_approval` === status)
  roles.forEach((role, at) => {
    if (at === 2 && status === 'technical_approval') return
    const done = waiting < 0 || at < waiting
    const declined = done && status === 'canceled' && at === 1
    builder.add('project-approvals', {
      attributes: {
        status: declined ? random.pick(['declined', 'rescope']) : done ? 'approved' : 'optional',
        role: random.chance(0.05) ? null : role,
        comment: random.pick([null, null, '', 'Looks good\r\nship it']),
        reason: declined ? 'Margin too low' : random.pick(['', null]),
        'completed-at': done ? instant(Math.min(times.approved ?? submitted + (at + 1) * day, baseTime)) : null,
        'approver-name': random.chance(0.1) ? null : person(random),
        'lob-ids': random.chance(0.4) ? [builder.pick('lines-of-business').id] : [],
      },
      toOne: { project: id, user: builder.pickId('users', 0.1), 'approval-step': null },
    })
  })
}
