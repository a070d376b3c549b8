/**
 * The tables by what a services organisation does with them: the order of the data dictionary, and one diagram for each area. All of
 * them in one diagram (65 boxes, 124 lines) cannot be read.
 */
import type { Resource } from './resource.ts'

export interface Area {
  readonly name: string
  readonly about: string
  readonly types: readonly string[]
}

export const AREAS: readonly Area[] = [
  {
    name: 'Sales',
    about: 'Who buys, who sells, and the project that is scoped, priced and won or lost.',
    types: [
      'projects',
      'clients',
      'contacts',
      'crm-opportunities',
      'sales-executives',
      'presales-engineers',
      'project-contacts',
      'project-collaborators',
      'partner-requests',
      'external-requests',
    ],
  },
  {
    name: 'Scope',
    about: 'What a project consists of: services and their tasks, with hours, roles, phases and places.',
    types: [
      'project-services',
      'project-subservices',
      'project-phases',
      'project-locations',
      'project-resources',
      'project-governances',
      'project-conditions',
      'project-attachments',
      'notes',
    ],
  },
  {
    name: 'Pricing',
    about: 'Rates, products, expenses, credits and terms: what the price of a project is made of.',
    types: [
      'rate-tables',
      'currencies',
      'resource-rates',
      'payment-terms',
      'payment-credits',
      'pricing-adjustments',
      'project-credits',
      'project-expenses',
      'expense-categories',
      'project-products',
      'project-materials',
      'products',
      'vendors',
      'quotes',
    ],
  },
  {
    name: 'Catalog',
    about: 'What can be sold: standard services, roles, phases and governance, before they are copied to a project.',
    types: [
      'services',
      'subservices',
      'service-categories',
      'lines-of-business',
      'phases',
      'resources',
      'governances',
      'governance-calculation-types',
      'governance-allocation-methods',
      'language-fields',
      'tags',
    ],
  },
  {
    name: 'Approval and documents',
    about: 'Who had to agree, what changed from version to version, and what was sent to the client.',
    types: [
      'project-approvals',
      'approval-steps',
      'project-versions',
      'audit-logs',
      'project-documents',
      'document-templates',
      'merge-data',
    ],
  },
  {
    name: 'Delivery',
    about: 'What becomes of a project that was sold.',
    types: ['psa-projects', 'resource-plans', 'customer-successes'],
  },
  {
    name: 'Surveys',
    about: 'Questionnaires that clients answer, and what the answers recommend.',
    types: ['questionnaires', 'questions', 'surveys', 'project-surveys', 'survey-responses', 'survey-recommendations'],
  },
  {
    name: 'Account',
    about: 'The account itself, its people and its user-defined fields.',
    types: ['accounts', 'business-units', 'users', 'teams', 'mes', 'project-variables'],
  },
]

/** Of resources that no area names yet. */
const OTHER: Omit<Area, 'types'> = { name: 'Other', about: 'Tables that are in no area yet.' }

/** The catalog in the order of the areas; an area without a resource is left out. */
export function resourcesByArea(
  catalog: ReadonlyMap<string, Resource>,
): { readonly area: Omit<Area, 'types'>; readonly resources: readonly Resource[] }[] {
  const placed = new Set(AREAS.flatMap(({ types }) => types))
  const named = AREAS.map(({ types, ...area }) => ({
    area,
    resources: types.flatMap((type) => catalog.get(type) ?? []),
  }))
  const others = [...catalog.values()].filter(({ type }) => !placed.has(type))
  return [...named, { area: OTHER, resources: others }].filter(({ resources }) => resources.length > 0)
}
