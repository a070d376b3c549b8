import { type Making, date, baseTime, day } from './making.ts'
import { address, email, industries, jobTitles, person, phone } from './words.ts'

const areas = ['projects.overview', 'projects.services', 'projects.psa', 'projects.notes', 'settings.services']
const levels = ['view', 'create', 'manage', 'purge']

export function makePeople(making: Making): void {
  const { random, account } = making
  making.records.add('accounts', account.slug, {
    attributes: { name: 'Demo Consulting', slug: account.slug },
    toOne: {},
  })
  for (const name of ['Delivery', 'Presales', 'Field Services'])
    making.add('teams', { attributes: { active: true, name }, toOne: {} })
  const count = Math.min(400, 12 + Math.ceil(making.projects / 20))
  for (let at = 0; at < count; at += 1) {
    const name = person(random)
    const table = making.some('rate-tables', 0.4)
    making.add('users', {
      attributes: {
        name,
        email: email(`${name} ${String(at + 1)}`, 'demo-consulting.test'),
        phone: random.pick(['', null, phone(random)]),
        title: random.pick(['', null, 'Solution Architect', 'Practice Lead']),
        privileges: Object.fromEntries(areas.map((area) => [area, random.pick(levels)])),
        'preferred-rate-table': table === null ? null : rateTableRow(making, table),
        'guided-onboarding': random.pick([{}, null, { dismissed: true }]),
        'view-only': random.chance(0.15),
        // not in any sample: what an unknown member looks like
        'time-zone': random.pick(['UTC', 'America/Chicago', 'Europe/Madrid']),
      },
      toOne: { 'rate-table': table },
      toMany: { teams: random.chance(0.6) ? [making.must('teams').id] : [] },
    })
  }
  for (let at = 0; at < Math.ceil(count / 2); at += 1) {
    const name = person(random)
    making.add('presales-engineers', {
      attributes: { name, email: email(`${name} pe${String(at + 1)}`, 'demo-consulting.test') },
      toOne: {},
    })
  }
  for (let at = 0; at < Math.ceil(count / 2); at += 1) makeSeller(making, at)
}

/** A user carries its rate table as a raw snake_case row (API notes §2). */
function rateTableRow(making: Making, id: string): Record<string, unknown> {
  const attributes = making.records.get('rate-tables', id)?.attributes ?? {}
  return {
    account_id: making.account.id,
    name: attributes['name'],
    currency_id: 1,
    deleted_at: null,
    default: attributes['default'],
    accounting_code: attributes['accounting-code'],
    uuid: `00000000-0000-4000-8000-${id.padStart(12, '0')}`,
  }
}

function makeSeller(making: Making, at: number): void {
  const { random } = making
  const name = person(random)
  making.add('sales-executives', {
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

export function makeBusinessUnits(making: Making): void {
  const { random } = making
  const ids = (type: string): string[] => (making.records.table(type)?.ordered ?? []).slice(0, 20).map(({ id }) => id)
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
    making.add('business-units', {
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

export function contactOf(making: Making, host: string): Record<string, unknown> {
  const { random } = making
  const name = person(random)
  return {
    name,
    title: random.pick([...jobTitles, null]),
    email: random.chance(0.85) ? email(name, host) : null,
    phone: random.pick([phone(random), '', null]),
  }
}

export const msaDate = (making: Making): string | null =>
  making.random.chance(0.35) ? null : date(baseTime - making.random.between(30, 2200) * day)

export const industry = (making: Making): string => making.random.pick(industries)
