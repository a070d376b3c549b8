/** Generates projects along a sales pipeline, oldest first, so that ids and dates grow together. */
import { decimal, margin } from '../records/numbers.ts'
import type { Random } from '../records/random.ts'
import type { Fields, Rec } from '../records/records.ts'
import { date, baseTime, day, instant, type Builder } from './builder.ts'
import { variables } from './companies.ts'
import { msaDate } from './people.ts'
import { makeEffort } from './project-effort.ts'
import { makeDocumentsAndApprovals, makePhases, makeLocationsAndContacts } from './project-parts.ts'
import { tagNames } from './settings.ts'
import { bullets, maybe, paragraph } from './texts.ts'

/** Shares of a consultancy's pipeline, in percent. */
const statuses = [
  ['building', 30],
  ['technical_approval', 6],
  ['sales_approval', 5],
  ['business_approval', 4],
  ['approved', 12],
  ['won', 25],
  ['lost', 12],
  ['canceled', 6],
] as const
export type Status = (typeof statuses)[number][0]

export interface Times {
  readonly created: number
  readonly submitted: number | null
  readonly approved: number | null
  readonly updated: number
}

export interface Draft {
  readonly id: string
  readonly status: Status
  readonly times: Times
  readonly clientHost: string
}

const spread = 1095 * day

export function makeProjects(builder: Builder): void {
  for (let at = 0; at < builder.projects; at += 1) makeProject(builder, at)
}

/** In order of creation, so that ids and dates grow together. */
function timesOf(builder: Builder, at: number, status: Status): Times {
  const { random } = builder
  const created = baseTime - spread + Math.floor((spread * (at + random.next())) / builder.projects) - day
  const later = (from: number, days: number): number =>
    Math.min(from + Math.floor(random.next() * days * day), baseTime - 3_600_000)
  const submitted = status === 'building' ? null : later(created, 30)
  const won = status === 'approved' || status === 'won'
  const approved =
    submitted !== null && (won || (status === 'lost' && random.chance(0.5))) ? later(submitted, 15) : null
  return { created, submitted, approved, updated: later(approved ?? submitted ?? created, 90) }
}

function statusOf(builder: Builder): Status {
  let left = builder.random.next() * 100
  for (const [status, share] of statuses) {
    left -= share
    if (left < 0) return status
  }
  return 'building'
}

function makeProject(builder: Builder, at: number): void {
  const { random } = builder
  const id = builder.reserveId('projects')
  const status = statusOf(builder)
  const client = builder.pick('clients')
  const times = timesOf(builder, at, status)
  const draft: Draft = { id, status, times, clientHost: String(client.attributes['domain'] ?? '') || 'client.test' }
  const phases = makePhases(builder, id)
  const locations = makeLocationsAndContacts(builder, draft)
  const { revenue, cost } = makeEffort(builder, draft, phases, locations)
  makeDocumentsAndApprovals(builder, draft)

  const engineer = builder.pickId('presales-engineers', 0.15)
  const salesExecutive = builder.pickId('sales-executives', 0.1)
  const attributes = {
    'project-name': nameFor(random, client, at),
    status,
    active: !random.chance(0.08),
    ...descriptions(random),
    ...terms(random),
    'submitted-at': instantOrNull(times.submitted),
    'approved-at': instantOrNull(times.approved),
    'msa-date': msaDate(builder),
    'created-at': instant(times.created),
    'updated-at': instant(times.updated),
    'project-variables': variables(builder, 'project'),
    'field-labels': random.chance(0.2) ? null : labels,
    'tag-list': random.chance(0.4) ? [random.pick(tagNames)] : [],
    'client-name': client.attributes['name'],
    'presales-engineer-name': nameOf(builder, 'presales-engineers', engineer),
    'sales-executive-name': nameOf(builder, 'sales-executives', salesExecutive),
    'payment-info': paymentInfo(random),
    // string or number (API notes §2)
    'contract-revenue': random.chance(0.05) ? revenue : decimal(revenue),
    'contract-cost': decimal(cost),
    'contract-margin': margin(revenue, cost),
    'win-probability': random.pick([10, 40, 75, 90]),
  }
  const toOne = {
    'business-unit': builder.pickId('business-units', 0.1),
    client: client.id,
    creator: builder.pick('users').id,
    user: builder.pickId('users', 0.3),
    'document-template': builder.pickId('document-templates', 0.4),
    'external-request': builder.pickId('external-requests', 0.9),
    'sales-executive': salesExecutive,
    'presales-engineer': engineer,
    'psa-project': status === 'won' ? builder.pickId('psa-projects', 0.3) : null,
    'crm-opportunity': builder.pickId('crm-opportunities', 0.4),
    'payment-term': builder.pickId('payment-terms', 0.15),
    'rate-table': builder.pickId('rate-tables', 0.1),
  }
  builder.add('projects', { attributes, toOne }, id)
}

const subjects = [
  'Network Refresh',
  'Cloud Migration',
  'Security Uplift',
  'Wi-Fi Rollout',
  'DR Test',
  'Café & Kiosk Rollout',
]

const nameFor = (random: Random, client: Rec, at: number): string =>
  `${String(client.attributes['name']).split(' ')[0] ?? ''} ${random.pick(subjects)} ${String(at + 1)}`

const descriptions = (random: Random): Fields => ({
  'executive-summary': maybe(random, () => paragraph(random)),
  'solution-summary': maybe(random, () => paragraph(random), 0.4),
  'key-objectives': maybe(random, () => bullets(random, 3)),
  'our-responsibilities': maybe(random, () => bullets(random, 2), 0.4),
  'client-responsibilities': maybe(random, () => bullets(random, 2), 0.4),
  'out-of-scope': maybe(random, () => bullets(random, 1), 0.3),
})

const terms = (random: Random): Fields => ({
  'one-time-adjustment': random.pick<unknown>(['0.0', null, '-250.0', 0]),
  'mrr-adjustment': random.pick(['0.0', null]),
  'mrr-terms': random.pick([12, 36, null]),
  cola: random.pick(['0.0', '2.5', null]),
  'recurring-billing-frequency': random.pick(['monthly', 'annually', null]),
  'include-ps-revenue-in-mrr': random.pick<unknown>([false, true, null, 'false']),
  'service-start-date': random.chance(0.4) ? null : date(baseTime + random.between(-300, 120) * day),
  'travel-limit': random.pick([0, 2, null]),
})

const paymentInfo = (random: Random): Fields | null =>
  random.chance(0.1)
    ? null
    : {
        'pricing-model': random.pick(['fixed_fee', 'time_and_materials', 'other']),
        'include-expenses': random.chance(0.3),
        'include-product': true,
        'rate-type': 'blended',
      }

const instantOrNull = (time: number | null): string | null => (time === null ? null : instant(time))

const nameOf = (builder: Builder, type: string, id: string | null): unknown =>
  id === null ? null : builder.records.get(type, id)?.attributes['name']

const labels = { executive_summary: 'Executive Summary', client: 'Client', location: 'Service Location' }
