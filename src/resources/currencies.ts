import { boolean, decimal, defineResource, text } from '../catalog/resource.ts'

export default defineResource('currencies', {
  comment:
    'One row per currency of the account; empty where it has only its default one, or where the API has no such list. Joins rate_tables by currency_id.',
  // The settings page has these four members; neither the list nor its path was seen in the API (API notes §13).
  confidence: 'low',
  fallbacks: [{ from: 'included', list: 'rate-tables', include: 'currency' }],
  attributes: {
    name: text('Name of the currency.'),
    format: text('How amounts in it are shown, such as Dollars, Euros, Pounds or Yen.'),
    'conversion-rate': decimal(
      'How much of this currency is worth 1.00 of the default one: divide by it to convert. 1 for the default currency.',
    ),
    default: boolean('True for the account\'s default currency. Quote the name in SQL: "default".'),
  },
})
