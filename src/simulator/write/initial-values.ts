/** The attributes of a created record that the request did not give. */
import type { Attribute, Model } from '../model/model.ts'
import { blankVariables } from '../read/variables.ts'
import { idOf, type Fields, type Linkage, type Records } from '../records/records.ts'

export function initialAttributes(records: Records, model: Model, toOne: Record<string, Linkage>, now: string): Fields {
  const attributes: Fields = {}
  for (const [name, attribute] of Object.entries(model.attributes)) attributes[name] = blank(name, attribute)
  if (model.context !== null) {
    const variables = Object.entries(model.attributes).find(([, { kind }]) => kind === 'variables')?.[0]
    if (variables !== undefined) attributes[variables] = blankVariables(records, model.context)
  }
  if ('updated-at' in attributes) attributes['updated-at'] = now
  if ('languages' in attributes) attributes['languages'] = blankLanguages(records)
  return { ...attributes, ...special(records, model.type, toOne, now) }
}

const byName: Readonly<Record<string, unknown>> = {
  active: true,
  'service-type': 'professional_services',
  'payment-frequency': 'one_time',
  'task-source': 'custom',
  'billing-frequency': 'one_time',
  'contact-type': 'customer_contact',
  'document-type': 'sow',
  format: 'tag_template',
  'template-format': 'v2',
  'variable-rates': {},
  quantity: 1,
  position: 1,
}

function blank(name: string, { kind, nullable }: Attribute): unknown {
  if (name in byName) return byName[name]
  if (kind === 'strings' || kind === 'variables') return []
  if (nullable) return null
  switch (kind) {
    case 'boolean':
      return false
    case 'integer':
    case 'number':
      return 0
    case 'decimal':
      return '0.0'
    case 'json':
      return []
    default:
      return ''
  }
}

function blankLanguages(records: Records): Fields {
  const fields = records.table('language-fields')?.ordered ?? []
  return Object.fromEntries(fields.map(({ attributes }) => [String(attributes['sow-language']), '']))
}

function special(records: Records, type: string, toOne: Record<string, Linkage>, now: string): Fields {
  const nameOf = (target: string, link: string): unknown =>
    records.get(target, idOf(toOne[link]) ?? '')?.attributes['name'] ?? null
  switch (type) {
    case 'projects':
      return {
        status: 'building',
        'created-at': now,
        'client-name': nameOf('clients', 'client'),
        'presales-engineer-name': nameOf('presales-engineers', 'presales-engineer'),
        'sales-executive-name': nameOf('sales-executives', 'sales-executive'),
        'contract-revenue': '0.0',
        'contract-cost': '0.0',
        'contract-margin': '0.0',
        'payment-info': {
          'pricing-model': 'fixed_fee',
          'include-expenses': false,
          'include-product': true,
          'rate-type': 'blended',
        },
      }
    case 'project-documents':
      return { status: 'pending', 'created-at': now }
    case 'surveys':
      return { status: 'created', 'created-at': now, responses: [], recommendations: [], calculations: [] }
    case 'questionnaires':
      return { 'created-at': now, slug: `questionnaire-${now.replace(/\D/g, '')}`, questions: [], sections: [] }
    case 'project-services':
    case 'project-subservices':
      return { 'calculated-pricing': {} }
    default:
      return {}
  }
}
