/** A project with its parts as one document, with the top keys that are known (API notes §2, merge-data). */
import { idOf, type Fields, type Rec, type Records } from '../records/records.ts'

const snake = (attributes: Fields): Fields =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name.replaceAll('-', '_'), value]))

export function mergeContent(records: Records, project: Rec): Fields {
  const parts = (type: string): Fields[] =>
    records
      .referring(type, 'project', project.id)
      .map(({ id, attributes }) => ({ id: Number(id), ...snake(attributes) }))
  const { attributes } = project
  const client = records.get('clients', idOf(project.toOne['client']) ?? '')
  return {
    project: {
      id: Number(project.id),
      ...snake(attributes),
      client: client === undefined ? null : snake(client.attributes),
      contacts: parts('project-contacts'),
    },
    project_pricing: {
      revenue: attributes['contract-revenue'],
      cost: attributes['contract-cost'],
      margin: attributes['contract-margin'],
      services: parts('project-services'),
      resources: parts('project-resources'),
      governances: parts('project-governances'),
    },
    project_payments: { schedule: [], pricing_model: paymentModel(attributes['payment-info']) },
    locations: parts('project-locations'),
    language_fields: (records.table('language-fields')?.ordered ?? []).map((rec) => snake(rec.attributes)),
    currency: { code: 'USD', symbol: '$', rate: '1.0' },
    survey_responses: {},
  }
}

const paymentModel = (info: unknown): unknown =>
  typeof info === 'object' && info !== null ? (info as Fields)['pricing-model'] : null
