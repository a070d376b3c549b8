/** Models of the service catalog: products, services, phases, rates, governances. */
import { contains, equals, flag, hasTag, many, model, never, one, seen, unsure } from './model.ts'

export const products = model('products', {
  attributes: {
    active: seen('boolean'),
    name: seen('string'),
    description: seen('text?'),
    sku: seen('string?'),
    'product-id': seen('string?'),
    'manufacturer-part-number': seen('string?'),
    'unit-of-measure': seen('string?'),
    'unit-cost': seen('decimal?'),
    'unit-price': seen('decimal?'),
    category: seen('string?'),
    subcategory: seen('string?'),
    'list-price': seen('decimal?'),
    markup: seen('decimal?'),
    'vendor-discount': seen('decimal?'),
    'vendor-rebate': seen('decimal?'),
    'billing-frequency': seen('string'),
    'custom-hardware-price?': unsure('boolean?'),
    'custom-hardware-cost?': unsure('boolean?'),
    'project-variables': seen('variables'),
    'variable-rates': unsure('json?'),
  },
  toOne: { account: one('accounts', 'seen') },
  toMany: { services: many('services') },
  filters: {
    active: flag('active'),
    name: contains('name'),
    category: equals('category'),
    subcategory: equals('subcategory'),
    sku: equals('sku'),
    'product-id': equals('product-id'),
    'manufacturer-name': equals('manufacturer-name'),
    'manufacturer-part-number': equals('manufacturer-part-number'),
    'vendor-name': equals('vendor-name'),
  },
  required: ['name'],
  context: 'product',
})

export const services = model('services', {
  attributes: {
    active: seen('boolean'),
    name: seen('string'),
    'service-description': seen('text?'),
    'service-type': seen('string'),
    state: unsure('string?'),
    'tag-list': seen('strings'),
    'total-hours': never('decimal?'),
    'suggested-hours': unsure('decimal?'),
    'minimum-quantity': unsure('decimal?'),
    sku: unsure('string?'),
    'payment-frequency': unsure('string?'),
    guidance: unsure('text?'),
    languages: seen('json'),
    'lob-id': unsure('integer?'),
    position: unsure('integer?'),
    'variable-rates': unsure('json?'),
    quantity: unsure('integer?'),
    'base-hours': seen('decimal?'),
    published: seen('boolean?'),
  },
  toOne: {
    phase: one('phases'),
    resource: one('resources'),
    'service-category': one('service-categories'),
    account: one('accounts'),
    lob: one('lines-of-business'),
  },
  toMany: { subservices: many('subservices', 'service') },
  filters: {
    active: flag('active'),
    state: equals('state'),
    published: flag('published'),
    'tag-list': hasTag('tag-list'),
  },
  required: ['name'],
})

export const subservices = model('subservices', {
  attributes: {
    active: unsure('boolean'),
    name: unsure('string'),
    'service-description': unsure('text?'),
    'suggested-hours': unsure('decimal?'),
    'minimum-quantity': unsure('decimal?'),
    quantity: unsure('integer?'),
    position: unsure('integer?'),
    languages: seen('json'),
  },
  toOne: { resource: one('resources'), service: one('services') },
})

export const serviceCategories = model('service-categories', {
  attributes: { name: unsure('string'), 'nested-name': never('string?'), active: unsure('boolean') },
  toOne: { lob: one('lines-of-business'), account: one('accounts') },
})

export const phases = model('phases', {
  attributes: {
    active: unsure('boolean'),
    name: unsure('string'),
    position: unsure('integer?'),
    'sow-language': unsure('string?'),
  },
  toOne: { account: one('accounts') },
  filters: { active: flag('active') },
})

/** Path and type are one client's guess (API notes §10, question 4). */
export const linesOfBusiness = model('lines-of-business', {
  attributes: {
    name: unsure('string'),
    code: unsure('string?'),
    active: unsure('boolean'),
    position: unsure('integer?'),
  },
  toMany: { 'service-categories': many('service-categories', 'lob') },
})

export const resources = model('resources', {
  attributes: {
    active: unsure('boolean'),
    name: unsure('string'),
    'external-name': unsure('string?'),
    description: unsure('text?'),
    'hourly-rate': unsure('decimal?'),
    'hourly-cost': unsure('decimal?'),
  },
  toOne: { account: one('accounts') },
  toMany: {
    governances: many('governances', 'resource'),
    'project-governances': many('project-governances', 'resource'),
    'project-resources': many('project-resources', 'resource'),
    'project-services': many('project-services', 'resource'),
    'project-subservices': many('project-subservices', 'resource'),
  },
  filters: { active: flag('active') },
})

export const rateTables = model('rate-tables', {
  attributes: {
    active: unsure('boolean'),
    name: unsure('string'),
    default: unsure('boolean'),
    'accounting-code': unsure('string?'),
  },
  toOne: { account: one('accounts'), currency: one('currencies') },
  toMany: { 'resource-rates': many('resource-rates') },
  filters: { active: flag('active') },
})

/** The four members are those of the settings page; path and names are inferred (API notes §13). */
export const currencies = model('currencies', {
  attributes: {
    name: unsure('string'),
    format: unsure('string'),
    'conversion-rate': unsure('decimal'),
    default: unsure('boolean'),
  },
})

export const paymentTerms = model('payment-terms', {
  attributes: { active: unsure('boolean'), name: unsure('string'), default: unsure('boolean') },
  toOne: { account: one('accounts') },
  filters: { active: flag('active') },
})

export const governances = model('governances', {
  attributes: {
    active: unsure('boolean'),
    name: unsure('string'),
    rate: unsure('decimal?'),
    'fixed-hours': unsure('decimal?'),
    'calculation-type': unsure('string'),
    'allocation-method': unsure('string?'),
    required: unsure('boolean?'),
    'assign-effort-to-service': unsure('boolean?'),
    'filter-type': unsure('string?'),
    'filter-id': unsure('integer?'),
    position: unsure('integer?'),
  },
  toOne: {
    account: one('accounts'),
    resource: one('resources'),
    phase: one('phases'),
    'service-category': one('service-categories'),
  },
})

/** The shape of these two lookups is unknown; name and label are an invention (API notes §2). */
export const governanceAllocationMethods = model('governance-allocation-methods', {
  attributes: { name: never('string'), label: never('string') },
})
export const governanceCalculationTypes = model('governance-calculation-types', {
  attributes: { name: never('string'), label: never('string') },
})
