/** Known only as relationship names; the attributes are invented, and the paths of the lists are inferred (API notes §2, the
 *  `low` entries). */
import { linked, model, one, unsure, type Model } from './model.ts'

const ofProject = (type: string, attributes: Model['attributes']): Model =>
  model(type, {
    scope: 'project',
    attributes,
    toOne: { project: one('projects') },
    filters: { project: linked('project') },
  })

const active = unsure('boolean')
const name = unsure('string')

export const inferred: readonly Model[] = [
  ofProject('project-products', {
    active,
    name,
    quantity: unsure('integer'),
    'unit-price': unsure('decimal?'),
    'unit-cost': unsure('decimal?'),
  }),
  ofProject('project-expenses', { active, name, rate: unsure('decimal?'), quantity: unsure('integer') }),
  ofProject('project-versions', { active, 'version-number': unsure('integer'), 'created-at': unsure('datetime') }),
  ofProject('project-attachments', { active, filename: unsure('string'), 'content-type': unsure('string?') }),
  ofProject('project-collaborators', { active, name, email: unsure('string?') }),
  ofProject('project-conditions', { active, description: unsure('text?'), position: unsure('integer') }),
  ofProject('project-credits', { active, description: unsure('string?'), amount: unsure('decimal') }),
  ofProject('project-materials', { active, name, quantity: unsure('integer'), 'unit-cost': unsure('decimal?') }),
  ofProject('resource-plans', { name, 'total-hours': unsure('decimal?') }),
  ofProject('resource-rates', { name, 'hourly-rate': unsure('decimal'), 'hourly-cost': unsure('decimal?') }),
  ofProject('approval-steps', { name, position: unsure('integer'), status: unsure('string') }),
  ofProject('notes', { content: unsure('text'), 'created-at': unsure('datetime') }),
  ofProject('quotes', { name, total: unsure('decimal?'), 'quote-number': unsure('string?') }),
  ofProject('partner-requests', { status: unsure('string'), message: unsure('text?') }),
  ofProject('audit-logs', { event: unsure('string'), 'created-at': unsure('datetime') }),
  ofProject('customer-successes', { summary: unsure('text?'), outcome: unsure('string?') }),
  ofProject('pricing-adjustments', { name, amount: unsure('decimal'), 'adjustment-type': unsure('string') }),
  model('expense-categories', { attributes: { active, name } }),
  model('payment-credits', { attributes: { name, amount: unsure('decimal') } }),
  model('teams', { attributes: { active, name } }),
  model('psa-projects', { attributes: { name, 'external-id': unsure('string') } }),
  model('external-requests', { attributes: { name, status: unsure('string') } }),
  model('project-surveys', { attributes: { name } }),
  model('survey-responses', { attributes: { slug: unsure('string'), answer: unsure('string?') } }),
  model('survey-recommendations', { attributes: { quantity: unsure('decimal?'), status: unsure('string') } }),
  model('questions', {
    attributes: { question: unsure('string'), slug: unsure('string'), position: unsure('integer') },
  }),
]
