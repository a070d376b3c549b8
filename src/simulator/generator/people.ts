/** Generates users, engineers and executives of the consultancy, and its business units. */
import { type Builder, date, baseTime, day } from './builder.ts'
import { address, email, industries, jobTitles, person, phone } from './words.ts'

const areas = ['projects.overview', 'projects.services', 'projects.psa', 'projects.notes', 'settings.services']
const levels = ['view', 'create', 'manage', 'purge']

export function makePeople(builder: Builder): void {
  const { random, account } = builder
  builder.records.add('accounts', account.slug, {
    attributes: { name: 'Demo Consulting', slug: account.slug },
    toOne: {},
  })
  for (const name of ['Delivery', 'Presales', 'Field Services'])
    builder.add('teams', { attributes: { active: true, name }, toOne: {} })
  const count = Math.min(400, 12 + Math.ceil(builder.projects / 20))
  for (let at = 0; at < count; at += 1) {
    const name = person(random)
    const table = builder.pickId('rate-tables', 0.4)
    builder.add('users', {
      attributes: {
        name,
        email: email(`${name} ${String(at + 1)}`, 'demo-consulting.test'),
        phone: random.pick(['', null, phone(random)]),
        title: random.pick(['', null, 'Solution Architect', 'Practice Lead']),
        privileges: Object.fromEntries(areas.map((area) => [area, random.pick(levels)])),
        'preferred-rate-table': table === null ? null : rateTableRow(builder, table),
        'guided-onboarding': random.pick([{}, null, { dismissed: true }]),
        'view-only': random.chance(0.15),
        // in no sample: stands for a member that no declaration knows
        'time-zone': random.pick(['UTC', 'America/Chicago', 'Europe/Madrid']),
      },
      toOne: { 'rate-table': table },
      toMany: { teams: random.chance(0.6) ? [builder.pick('teams').id] : [] },
    })
  }
  for (let at = 0; at < Math.ceil(count / 2); at += 1) {
    const name = person(random)
    builder.add('presales-engineers', {
      attributes: { name, email: email(`${name} pe${String(at + 1)}`, 'demo-consulting.test') },
      toOne: {},
    })
  }
  for (let at = 0; at < Math.ceil(count / 2); at += 1) makeSalesExecutive(builder, at)
}

/** A user carries its rate table as a raw snake_case row (API notes §2). */
function rateTableRow(builder: Builder, id: string): Record<string, unknown> {
  const attributes = builder.records.get('rate-tables', id)?.attributes ?? {}
  return {
    account_id: builder.account.id,
    name: attributes['name'],
    currency_id: 1,
    deleted_at: null,
    default: attributes['default'],
    accounting_code: attributes['accounting-code'],
    uuid: `00000000-0000-4000-8000-${id.padStart(12, '0')}`,
  }
}

function makeSalesExecutive(builder: Builder, at: number): void {
  const { random } = builder
  const name = person(random)
  builder.add('sales-executives', {
    attributes: {
      active: !random.chance(0.08),
      name,
      email: random.pick([null, email(`${name} ${String(at + 1)}`, 'demo-consulting.test')]),
      title: random.pick(['Account Executive', '', null]),
      phone: random.pick([phone(random), null]),
    },
    toOne: {},
  })
}

export function makeBusinessUnits(builder: Builder): void {
  const { random } = builder
  const ids = (type: string): string[] => (builder.records.table(type)?.ordered ?? []).slice(0, 20).map(({ id }) => id)
  const owned = [
    'clients',
    'phases',
    'resources',
    'rate-tables',
    'payment-terms',
    'service-categories',
    'teams',
    'users',
  ]
  for (const name of ['North America', 'EMEA', 'Managed Services']) {
    const at = address(random)
    builder.add('business-units', {
      attributes: {
        name,
        'external-name': random.pick([name, '', null]),
        'street-address': at.street,
        street2: at.street2,
        city: at.city,
        state: at.state,
        'postal-code': at.postal,
        country: at.country.toLowerCase(),
      },
      toOne: {},
      toMany: Object.fromEntries(owned.map((type) => [type, ids(type)])),
    })
  }
}

export function contactOf(builder: Builder, host: string): Record<string, unknown> {
  const { random } = builder
  const name = person(random)
  return {
    name,
    title: random.pick([...jobTitles, null]),
    email: random.chance(0.85) ? email(name, host) : null,
    phone: random.pick([phone(random), '', null]),
  }
}

export const msaDate = (builder: Builder): string | null =>
  builder.random.chance(0.35) ? null : date(baseTime - builder.random.between(30, 2200) * day)

export const industry = (builder: Builder): string => builder.random.pick(industries)
