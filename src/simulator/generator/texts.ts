/** Texts as they are in a CPQ system: some Markdown, some HTML, \r\n line ends (API notes §8). */
import type { Random } from '../records/random.ts'

const verbs = [
  'Assess',
  'Design',
  'Stage',
  'Configure',
  'Migrate',
  'Validate',
  'Document',
  'Hand over',
  'Tune',
  'Review',
]
const things = [
  'the core switching layer',
  'the existing firewall policy',
  'wireless coverage per floor',
  'backup jobs and retention',
  'identity and access rules',
  'the virtualization cluster',
  'WAN failover',
  'endpoint protection',
  'the naming standard',
  'storage replication between sites',
  'mail routing',
  'the monitoring dashboards',
]
const conditions = [
  'Client provides remote access before the start date',
  'Work happens during business hours unless agreed otherwise',
  'Licenses are on site and activated',
  'One change window per site is available',
  'Travel is billed at cost',
  'A technical contact is available within four hours',
]

export const task = (random: Random): string => `${random.pick(verbs)} ${random.pick(things)}`

export function bullets(random: Random, count: number): string {
  let text = ''
  for (let at = 0; at < count; at += 1) text += `${at === 0 ? '' : '\r\n'}- ${task(random)}`
  return text
}

const assumptions = (random: Random): string =>
  `<ul>\r\n<li>${random.pick(conditions)}.</li>\r\n<li>${random.pick(conditions)}.</li>\r\n</ul>`

export const paragraph = (random: Random): string =>
  `<p>${task(random)}, then ${task(random).toLowerCase()}. ${random.pick(conditions)}.</p>`

/** Sometimes text, sometimes "", sometimes null. */
export function maybe(random: Random, text: () => string, filled = 0.6): string | null {
  if (random.chance(filled)) return text()
  return random.chance(0.5) ? '' : null
}

/** The slugs of this account's language fields; the key set differs per account (API notes §2). */
export const languageSlugs = [
  'out',
  'customer',
  'assumptions',
  'deliverables',
  'sow_language',
  'design_language',
  'planning_language',
  'implementation_language',
  'internal_only',
  'service_level_agreement',
] as const

export function languages(random: Random): Record<string, string> {
  return {
    out: random.chance(0.3) ? `- ${task(random)}` : '',
    customer: random.chance(0.3) ? assumptions(random) : '',
    assumptions: random.chance(0.6) ? assumptions(random) : '',
    deliverables: random.chance(0.6) ? bullets(random, 2) : '',
    sow_language: '',
    design_language: random.chance(0.4) ? paragraph(random) : '',
    planning_language: '',
    implementation_language: `${task(random)}\r\n${task(random)}`,
    internal_only: random.chance(0.2) ? 'Check margin with the practice lead' : '',
    service_level_agreement: '',
  }
}
