/** Generates the service catalog: lines of business, phases, services with subservices, resources and rates, products. */
import { decimal } from '../records/numbers.ts'
import type { Fields, Rec } from '../records/records.ts'
import type { Builder } from './builder.ts'
import { variables } from './companies.ts'
import { tagNames } from './settings.ts'
import { languages, maybe, paragraph, task } from './texts.ts'

const phaseNames = [
  ['Plan', 'planning_language'],
  ['Design', 'design_language'],
  ['Implement', 'implementation_language'],
  ['Operate', 'sow_language'],
  ['Close', 'deliverables'],
  ['Legacy Discovery', null],
] as const
const lobs = [
  ['Networking', 'NET'],
  ['Security', 'SEC'],
  ['Cloud', 'CLD'],
  ['Data Center', 'DC'],
  ['Collaboration', null],
] as const
const roles = [
  ['Consultant', 200, 130],
  ['Senior Engineer', 185, 118],
  ['Engineer', 150, 96],
  ['Project Manager', 165, 104],
  ['Architect', 240, 155],
  ['Technician', 95, 58],
  ['Trainer', 140, 88],
  ['Field Engineer', 125, 79.5],
  ['Retired Role', 80, 60],
] as const
const subjects = [
  'Switch',
  'Firewall',
  'Wireless',
  'SD-WAN',
  'Router',
  'Backup',
  'Identity',
  'Mail',
  'Storage',
  'Cluster',
  'Endpoint',
  'VPN',
  'Monitoring',
  'Telephony',
  'Database',
]
const serviceVerbs = ['Installation', 'Migration', 'Assessment', 'Upgrade']

export function makeCatalog(builder: Builder): void {
  const { random } = builder
  phaseNames.forEach(([name, slug], at) => {
    builder.add('phases', {
      attributes: { active: name !== 'Legacy Discovery', name, position: at + 1, 'sow-language': slug },
      toOne: {},
    })
  })
  lobs.forEach(([name, code], at) =>
    builder.add('lines-of-business', { attributes: { name, code, active: true, position: at + 1 }, toOne: {} }),
  )
  for (const { id, attributes } of builder.records.table('lines-of-business')?.ordered ?? []) {
    for (const part of ['Core', 'Edge', 'Advisory']) {
      const name = `${String(attributes['name'])} ${part}`
      builder.add('service-categories', {
        attributes: {
          name,
          'nested-name': random.chance(0.2) ? null : `${String(attributes['name'])} / ${name}`,
          active: part !== 'Advisory' || random.chance(0.8),
        },
        toOne: { lob: random.chance(0.1) ? null : id },
      })
    }
  }
  for (const [name, rate, cost] of roles) {
    builder.add('resources', {
      attributes: {
        active: name !== 'Retired Role',
        name,
        'external-name': random.pick(['', null, `${name} (billable)`]),
        description: maybe(random, () => `${name} of the delivery team`, 0.3),
        'hourly-rate': decimal(rate),
        'hourly-cost': decimal(cost),
      },
      toOne: {},
    })
  }
  makeGovernances(builder)
  for (const subject of subjects) for (const deed of serviceVerbs) makeService(builder, `${subject} ${deed}`)
  for (let at = 0; at < 60; at += 1) makeProduct(builder, at)
}

function makeGovernances(builder: Builder): void {
  const { random } = builder
  const kinds = [
    ['Project Management', '0.1', '0.0'],
    ['Documentation', '0.05', '0.0'],
    ['Quality Review', '0.0', '6.0'],
    ['Travel Coordination', '0.0', '2.5'],
    ['Old Overhead', '0.2', '0.0'],
  ] as const
  kinds.forEach(([name, rate, fixed], at) => {
    const byCategory = at === 2
    const category = builder.pick('service-categories').id
    builder.add('governances', {
      attributes: {
        active: name !== 'Old Overhead',
        name,
        rate: at === 3 ? null : rate,
        'fixed-hours': fixed,
        'calculation-type': fixed === '0.0' ? 'percent_of_total' : 'fixed_hours',
        'allocation-method': at === 4 ? null : random.pick(['prorate_phases_by_effort', 'single_phase']),
        required: at === 0,
        'assign-effort-to-service': random.pick([false, true, null]),
        'filter-type': byCategory ? 'service_category' : 'all_services',
        'filter-id': byCategory ? Number(category) : null,
        position: at + 1,
      },
      toOne: {
        resource: builder.pick('resources').id,
        phase: builder.pickId('phases', 0.3),
        'service-category': byCategory ? category : null,
      },
    })
  })
  for (const [type, names] of [
    ['governance-allocation-methods', ['prorate_phases_by_effort', 'single_phase']],
    ['governance-calculation-types', ['percent_of_total', 'fixed_hours']],
  ] as const) {
    for (const name of names) builder.add(type, { attributes: { name, label: name.replaceAll('_', ' ') }, toOne: {} })
  }
}

function makeService(builder: Builder, name: string): void {
  const { random } = builder
  const managed = random.chance(0.15)
  const suggested = random.between(2, 32) / 2
  const category = builder.pick('service-categories')
  const texts = languages(random)
  const drafts = Array.from({ length: random.between(2, 5) }, () => ({
    name: task(random),
    hours: random.between(1, 12) / 4,
  }))
  const total = suggested + drafts.reduce((sum, { hours }) => sum + hours, 0)
  const lob = category.toOne['lob']
  const service = builder.add('services', {
    attributes: {
      active: !random.chance(0.08),
      name,
      'service-description': maybe(random, () => paragraph(random)),
      'service-type': managed ? 'managed_services' : 'professional_services',
      state: random.pick(['active', 'active', 'draft', null]),
      'tag-list': random.chance(0.5) ? [random.pick(tagNames)] : [],
      'total-hours': decimal(total),
      'suggested-hours': decimal(suggested),
      'minimum-quantity': random.pick(['1.0', null]),
      sku: random.pick(['', null, `SVC-${String(random.between(100, 999))}`]),
      'payment-frequency': managed ? 'monthly' : 'one_time',
      guidance: maybe(random, () => `**Ask first:** ${task(random)}`, 0.3),
      languages: texts,
      'lob-id': typeof lob === 'string' ? Number(lob) : null,
      position: random.between(1, 60),
      'variable-rates': random.pick<unknown>([
        {},
        { hours: [] },
        { hours: [{ base_amount: '0.0', unit_amount: decimal(suggested), minimum_quantity: '1.0' }] },
      ]),
      quantity: random.pick([1, 1, 2, null]),
      'base-hours': random.pick([decimal(suggested), null]),
      published: random.pick([true, true, false, null]),
    },
    toOne: {
      phase: builder.pickId('phases', 0.1),
      resource: builder.pickId('resources', 0.05),
      'service-category': category.id,
      lob: lob ?? null,
    },
  })
  drafts.forEach((draft, index) => {
    makeSubservice(builder, service, draft, index + 1, texts)
  })
}

function makeSubservice(
  builder: Builder,
  service: Rec,
  draft: { readonly name: string; readonly hours: number },
  position: number,
  texts: Fields,
): void {
  const { random } = builder
  builder.add('subservices', {
    attributes: {
      active: !random.chance(0.08),
      name: draft.name,
      'service-description': maybe(random, () => paragraph(random), 0.4),
      'suggested-hours': decimal(draft.hours),
      'minimum-quantity': random.pick(['1.0', null]),
      quantity: random.pick([1, 1, 3, null]),
      position,
      languages: random.chance(0.5) ? texts : languages(random),
    },
    toOne: { resource: builder.pickId('resources', 0.2), service: service.id },
  })
}

function makeProduct(builder: Builder, at: number): void {
  const { random } = builder
  const cost = random.between(4, 900) * 5
  const recurring = random.chance(0.3)
  builder.add('products', {
    attributes: {
      active: !random.chance(0.08),
      name: `${random.pick(subjects)} ${random.pick(['Appliance', 'License', 'Module', 'Bundle'])} ${String(100 + at)}`,
      description: maybe(random, () => 'Includes support for 12 months.\r\nNo returns.'),
      sku: `SKU-${String(1000 + at)}`,
      'product-id': random.pick([`P-${String(at)}`, null]),
      'manufacturer-part-number': random.pick([`MPN-${String(at)}`, '']),
      'unit-of-measure': random.pick(['each', 'seat', null]),
      // string or number (API notes §2)
      'unit-cost': random.chance(0.1) ? cost : decimal(cost),
      'unit-price': decimal(cost * 1.25),
      category: random.pick(['Hardware', 'Software', null]),
      subcategory: random.pick(['Switching', 'Security', '', null]),
      'list-price': random.pick([decimal(cost * 1.5), null]),
      markup: '25.0',
      'vendor-discount': random.pick(['5.0', null]),
      'vendor-rebate': random.pick(['0.0', '1.5', null]),
      'billing-frequency': recurring ? random.pick(['monthly', 'quarterly', 'annually']) : 'one_time',
      'custom-hardware-price?': random.pick([false, true, null]),
      'custom-hardware-cost?': random.pick([false, null]),
      'project-variables': variables(builder, 'product'),
      'variable-rates': random.pick<unknown>([
        null,
        { hardware_cost: [{ base_amount: 0, unit_amount: cost, minimum_quantity: 1 }], hardware_price: [] },
      ]),
      'warranty-months': random.pick([12, 36]),
    },
    toOne: {},
    toMany: { services: random.chance(0.3) ? [builder.pick('services').id] : [] },
  })
}
