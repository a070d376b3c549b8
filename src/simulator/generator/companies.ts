/** Generates clients with their contacts, vendors and CRM opportunities. */
import { definition } from '../read/variables.ts'
import { decimal, money } from '../records/numbers.ts'
import type { Builder } from './builder.ts'
import { contactOf, industry, msaDate } from './people.ts'
import { address, domain, firm, person } from './words.ts'

export function makeCompanies(builder: Builder): void {
  const { random } = builder
  const clients = Math.max(14, Math.ceil(builder.projects / 4))
  const taken = new Set<string>()
  for (let at = 0; at < clients; at += 1) makeClient(builder, at, taken)
  for (let at = 0; at < 16; at += 1) {
    const place = address(random)
    builder.add('vendors', {
      attributes: {
        active: !random.chance(0.08),
        name: `${firm(random, at)} Supply ${String(at + 1)}`,
        'street-address': place.street,
        street2: place.street2,
        city: place.city,
        state: place.state,
        'postal-code': random.pick([place.postal, null]),
        // lower case here, upper case on locations (API notes §2)
        country: place.country.toLowerCase(),
        'project-count': random.between(0, 12),
      },
      toOne: {},
    })
  }
  for (let at = 0; at < Math.max(12, Math.ceil(builder.projects * 0.6)); at += 1) makeOpportunity(builder, at)
}

function makeClient(builder: Builder, at: number, taken: Set<string>): void {
  const { random } = builder
  let name = firm(random, at)
  while (taken.has(name)) name = `${name} II`
  taken.add(name)
  const host = domain(name)
  const client = builder.add('clients', {
    attributes: {
      active: !random.chance(0.08),
      name,
      'msa-date': msaDate(builder),
      domain: random.pick([host, host, '', null]),
      'user-defined-fields': variables(builder, 'client'),
      industry: industry(builder),
    },
    toOne: { 'rate-table': builder.pickId('rate-tables', 0.5) },
  })
  for (let left = random.between(0, 3); left > 0; left -= 1) {
    builder.add('contacts', { attributes: contactOf(builder, host), toOne: { client: client.id } })
  }
}

const stages = ['Qualification', 'Proposal', 'Negotiation', 'Closed Won', 'Closed Lost']

function makeOpportunity(builder: Builder, at: number): void {
  const { random } = builder
  const client = builder.pick('clients')
  const stage = random.pick(stages)
  const name = `${random.pick(['Refresh', 'Migration', 'Rollout', 'Assessment', 'Renewal'])} ${String(random.between(2023, 2026))}`
  const number = `OPP-${String(10_000 + at)}`
  const place = address(random)
  const clientName = String(client.attributes['name'])
  builder.add('crm-opportunities', {
    attributes: {
      'opportunity-id': number,
      name,
      'display-name': `${clientName} / ${name} / ${number}`,
      amount: random.chance(0.1) ? null : money(random.between(8, 400) * 500),
      stage,
      'is-closed': stage.startsWith('Closed'),
      'owner-id': `OWN-${String(random.between(1, 30))}`,
      'owner-name': random.pick([person(random), null]),
      'account-id': `ACC-${client.id}`,
      'account-name': clientName,
      'location-name': random.pick(['HQ', '', null]),
      street: place.street,
      city: place.city,
      state: place.state,
      'postal-code': place.postal,
      country: place.country,
      'custom-attributes': random.pick<unknown>([null, [], [{ key: 'region', val: 'north' }], { region: 'south' }]),
    },
    toOne: {},
  })
}

/** Definitions of one context with values, some of them unset. */
export function variables(builder: Builder, context: string): Record<string, unknown>[] {
  const { random } = builder
  const all = (builder.records.table('project-variables')?.ordered ?? []).filter(
    ({ attributes }) => attributes['variable-context'] === context && attributes['active'] === true,
  )
  return all.map((rec) => {
    const type = rec.attributes['variable-type']
    const value =
      type === 'number'
        ? decimal(random.between(1, 90))
        : type === 'date'
          ? '2026-03-01'
          : random.pick(['north', 'south'])
    return definition(rec, random.chance(0.3) ? null : value)
  })
}
