/** Generates settings of the account: tags, project variables, document templates, languages. */
import type { Builder } from './builder.ts'
import { languageSlugs, paragraph } from './texts.ts'

export const tagNames = [
  'network',
  'security',
  'cloud',
  'datacenter',
  'wireless',
  'backup',
  'renewal',
  'strategic',
  'fast-track',
  'partner-led',
]
const contexts = [
  'project',
  'service_location',
  'project_contact',
  'product',
  'crm_opportunity',
  'governance',
  'client',
]

export function makeSettings(builder: Builder): void {
  for (const name of tagNames) builder.add('tags', { attributes: { name }, toOne: {} })
  for (const slug of languageSlugs) {
    const label = slug.replaceAll('_', ' ').replace(/^./, (char) => char.toUpperCase())
    builder.add('language-fields', {
      attributes: {
        active: slug !== 'service_level_agreement',
        'sow-language': slug,
        name: slug === 'out' ? null : slug,
        label,
      },
      toOne: {},
    })
  }
  makeVariables(builder)
  for (const [name, isDefault] of [
    ['Net 30', true],
    ['Net 45', false],
    ['50 % up front', false],
    ['Net 90', false],
  ] as const) {
    builder.add('payment-terms', { attributes: { active: name !== 'Net 90', name, default: isDefault }, toOne: {} })
  }
  for (const [name, code] of [
    ['Standard', null],
    ['Public sector', 'RT-PUB'],
    ['Strategic accounts', 'RT-STR'],
    ['2023 rates', ''],
  ] as const) {
    builder.add('rate-tables', {
      attributes: { active: name !== '2023 rates', name, default: name === 'Standard', 'accounting-code': code },
      toOne: {},
    })
  }
  makeTemplates(builder)
}

function makeVariables(builder: Builder): void {
  const kinds = [
    ['Cost Center', 'cost_center', 'text'],
    ['Headcount', 'headcount', 'number'],
    ['Contract End', 'contract_end', 'date'],
  ] as const
  for (const context of contexts) {
    kinds.forEach(([label, name, type], at) => {
      builder.add('project-variables', {
        attributes: {
          active: !(context === 'product' && type === 'date'),
          label,
          name,
          description: at === 0 ? 'Who pays' : at === 1 ? '' : null,
          'variable-type': type,
          minimum: type === 'number' ? 0 : null,
          maximum: type === 'number' ? 5000 : null,
          required: at === 0,
          position: at + 1,
          'variable-context': context,
          // `key` is the label shown, `value` is what is stored (API notes §8)
          'select-options':
            type === 'text'
              ? [
                  { key: 'North Region', value: 'north', default: false },
                  { key: 'South Region', value: 'south', default: true },
                ]
              : [],
        },
        toOne: {},
      })
    })
  }
}

function makeTemplates(builder: Builder): void {
  const { random } = builder
  for (const name of [
    'SOW Template',
    'Short SOW',
    'Assessment Report',
    'Change Order',
    'Old SOW',
    'Managed Services Agreement',
  ]) {
    builder.add('document-templates', {
      attributes: {
        active: name !== 'Old SOW',
        name,
        format: random.pick(['tag_template', 'word_template']),
        'merge-template-filename': random.pick([`${name.toLowerCase().replaceAll(' ', '-')}.docx`, null]),
        'merge-template': random.chance(0.5) ? `{{project_name}}\r\n${paragraph(random)}` : null,
        'filename-format': ['project_name', 'template_name', 'current_date'],
        'template-format': random.pick(['v1', 'v2']),
        'include-formatting': random.pick([true, false, null]),
        teams: random.pick<unknown>([[], ['Delivery'], null]),
      },
      toOne: {},
    })
  }
}
