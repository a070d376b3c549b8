import { defineResource, text, to } from '../catalog/resource.ts'

export default defineResource('business-units', {
  comment: 'One row per business unit, a part of the company with its own catalog. Joins projects by business_unit_id.',
  // Seen only through relationships; the list path is inferred from the type (API notes §2).
  confidence: 'medium',
  fallbacks: [{ from: 'included', list: 'projects', include: 'business-unit' }],
  attributes: {
    name: text('Name of the business unit inside the company.'),
    'external-name': text('Name of the business unit shown to clients; null or empty when unset.'),
    'street-address': text('Street and number.'),
    street2: text('Second line of the address.'),
    city: text('City of the business unit.'),
    state: text('State or province.'),
    'postal-code': text('Postal or ZIP code.'),
    country: text('Country of the business unit.'),
  },
  toOne: {
    account: to('accounts', 'Account the business unit belongs to, by its slug.'),
  },
  // These ends do not name the business unit themselves; projects do, so the list of projects is left out.
  toMany: {
    clients: to('clients', 'Clients the business unit serves (ids of clients).'),
    'crm-opportunities': to('crm-opportunities', 'CRM opportunities of the business unit (ids of crm_opportunities).'),
    'document-templates': to('document-templates', 'Document templates it may use (ids of document_templates).'),
    'expense-categories': to('expense-categories', 'Expense categories it may use (ids of expense_categories).'),
    governances: to('governances', 'Governance rules of its catalog (ids of governances).'),
    'payment-credits': to('payment-credits', 'Payment credits it may use (ids of payment_credits).'),
    'payment-terms': to('payment-terms', 'Payment terms it sells with (ids of payment_terms).'),
    phases: to('phases', 'Phases of its catalog (ids of phases).'),
    products: to('products', 'Products of its catalog (ids of products).'),
    'project-variables': to('project-variables', 'User-defined fields that apply to it (ids of project_variables).'),
    'rate-tables': to('rate-tables', 'Rate tables it prices with (ids of rate_tables).'),
    resources: to('resources', 'Resources that work for it (ids of resources).'),
    'service-categories': to('service-categories', 'Service categories of its catalog (ids of service_categories).'),
    services: to('services', 'Services of its catalog (ids of services).'),
    teams: to('teams', 'Teams that belong to it (ids of teams).'),
    users: to('users', 'Users who belong to it (ids of users).'),
  },
})
