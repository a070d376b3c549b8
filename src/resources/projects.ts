import { boolean, date, decimal, defineResource, integer, json, text, texts, timestamp, to } from '../resource.ts'

export default defineResource('projects', {
  comment:
    'One row per project (an opportunity being scoped, priced and sold). Every project_* table joins it by project_id.',
  confidence: 'high',
  whole: { active: 'true,false' },
  filters: ['active', 'updated-at.after', 'approved-at.after', 'search', 'project-name', 'status'],
  attributes: {
    'project-name': text('Name of the project.', { writable: true }),
    status: text(
      'Stage: building, technical_approval, sales_approval, business_approval, approved, won, lost or canceled.',
    ),
    active: boolean('False when the project is archived.'),
    'executive-summary': text('Executive summary in the statement of work (HTML or Markdown).', { writable: true }),
    'solution-summary': text('Solution summary, printed in the statement of work.'),
    'key-objectives': text('Key objectives, printed in the statement of work.'),
    'our-responsibilities': text('What our side has to do, printed in the statement of work.'),
    'client-responsibilities': text('What the client has to do, printed in the statement of work.'),
    'out-of-scope': text('What the project leaves out, printed in the statement of work.'),
    'one-time-adjustment': decimal('Adjustment of the one-time price, in account currency.'),
    'mrr-adjustment': decimal('Adjustment of the monthly recurring revenue (MRR), in account currency.'),
    'mrr-terms': integer('Length of the recurring contract, in months.'),
    cola: decimal('Cost-of-living adjustment (COLA) of recurring prices; whether percent or fraction is not known.'),
    'recurring-billing-frequency': text('How often recurring services are billed, such as monthly.'),
    'include-ps-revenue-in-mrr': boolean('True when professional services revenue counts in the MRR.'),
    'service-start-date': date('Day the recurring services begin; null when not planned.'),
    'travel-limit': integer('Limit set for travel; its unit is not known.'),
    'submitted-at': timestamp('When the project was submitted for approval; null when it never was.'),
    'approved-at': timestamp('When the project was approved; null when it is not.'),
    'msa-date': date('Date of the master services agreement (MSA) it is sold under; null when there is none.', {
      writable: true,
    }),
    'created-at': timestamp('When the project was created.'),
    'updated-at': timestamp('When the project last changed; edits of its services or other parts may not count.'),
    'project-variables': json(
      'User-defined fields: array of definitions with their value, null when not filled. Write [{name, value}].',
      { writable: true },
    ),
    'field-labels': json('Labels the account gave to standard fields: object of field to label.'),
    'tag-list': texts('Tags put on the project, by name (tags.name).', { writable: true }),
    'client-name': text('Name of the client at the time of reading, copied from clients.'),
    'presales-engineer-name': text('Name of the presales engineer, copied.'),
    'sales-executive-name': text('Name of the sales executive, copied.'),
    'payment-info': json('Pricing: pricing-model (fixed_fee, time_and_materials, other), rate-type, what it includes.'),
    'contract-revenue': decimal('Price of the whole contract, in account currency; calculated by ScopeStack.'),
    'contract-cost': decimal('Cost of the whole contract, in account currency; calculated by ScopeStack.'),
    'contract-margin': decimal(
      'Margin of the contract as a fraction of its revenue: 0.28 = 28 %; calculated by ScopeStack.',
    ),
  },
  toOne: {
    account: to('accounts', 'Account the project belongs to, by its slug.', { writable: true }),
    'business-unit': to('business-units', 'Business unit that sells the project; null when none is chosen.'),
    client: to('clients', 'Client the project is for.', { writable: true }),
    creator: to('users', 'User who created the project (users.id).'),
    user: to('users', 'User named on the project besides its creator (users.id); its part is not documented.'),
    'document-template': to('document-templates', 'Template chosen for the statement of work.'),
    'external-request': to(
      'external-requests',
      'Request from outside ScopeStack that the project answers; null when there is none.',
    ),
    'sales-executive': to('sales-executives', 'Sales executive of the project.', { writable: true }),
    'presales-engineer': to('presales-engineers', 'Presales engineer who scopes the project.', { writable: true }),
    'psa-project': to('psa-projects', 'Project in the connected PSA tool; null until it is handed over.'),
    'crm-opportunity': to(
      'crm-opportunities',
      'Opportunity of the CRM the project is linked to; null when it is not linked.',
    ),
    'payment-term': to('payment-terms', 'Payment term the project is sold with.', { writable: true }),
    'rate-table': to('rate-tables', 'Rate table its hours are priced with.', { writable: true }),
  },
  // No to-many: each of the project's children names it in a to-one of its own.
})
