import { boolean, decimal, defineResource, json, text, to } from '../catalog/resource.ts'

export default defineResource('products', {
  comment: 'One row per product of the catalog: hardware, software or a subscription that projects resell.',
  confidence: 'high',
  completeFilters: { active: 'true,false' },
  filters: [
    'active',
    'name',
    'category',
    'subcategory',
    'sku',
    'product-id',
    'manufacturer-name',
    'manufacturer-part-number',
    'vendor-name',
  ],
  writes: ['create', 'update'],
  naturalKey: ['name', 'sku', 'product-id'],
  attributes: {
    active: boolean('False when the product is archived.', { writable: true }),
    name: text('Name of the product.', { writable: true }),
    description: text('Description of the product; null or empty when unset.', { writable: true }),
    sku: text('Stock-keeping unit (SKU); null when unset.', { writable: true }),
    'product-id': text(
      'Id of the product in another system. No key of a table here: products.id is the one that others refer to.',
      { writable: true },
    ),
    'manufacturer-part-number': text('Part number given by the manufacturer.', { writable: true }),
    'unit-of-measure': text('What one unit is, such as each.', { writable: true }),
    'unit-cost': decimal("What one unit costs us, in the account's default currency; null when unset.", {
      writable: true,
    }),
    'unit-price': decimal("What one unit is sold for, in the account's default currency; null when unset.", {
      writable: true,
    }),
    category: text('Category of the product.', { writable: true }),
    subcategory: text('Subcategory within the category.', { writable: true }),
    'list-price': decimal("List price of one unit, in the account's default currency; null when unset.", {
      writable: true,
    }),
    markup: decimal('Markup on the cost, in percent: 10 = 10 %.', { writable: true }),
    'vendor-discount': decimal('Discount the vendor gives on the list price, in percent.', { writable: true }),
    'vendor-rebate': decimal('Rebate the vendor pays back, in percent.', { writable: true }),
    'billing-frequency': text('How often the product is billed: one_time, monthly, quarterly or annually.', {
      writable: true,
    }),
    'custom-hardware-price?': boolean('True when the price was set by hand instead of calculated.'),
    'custom-hardware-cost?': boolean('True when the cost was set by hand instead of calculated.'),
    'project-variables': json(
      'User-defined fields: array of definitions with their value, null when not filled. Write [{name, value}].',
      { writable: true, entries: ['name', 'value'] },
    ),
    'variable-rates': json(
      'Tiers by quantity: {hardware_cost, hardware_price}, each an array of {base_amount, unit_amount, …}.',
    ),
  },
  toOne: {
    account: to('accounts', 'Account the product belongs to, by its slug.', { writable: true }),
  },
  toMany: {
    services: to('services', 'Catalog services that come with the product (ids of services).'),
  },
})
