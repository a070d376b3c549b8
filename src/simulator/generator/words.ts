/** Invented firms and people; some names carry accents, a few lie outside Latin-1. */
import type { Random } from '../records/random.ts'

const firstNames = [
  'Ada',
  'Ben',
  'Carla',
  'Dmitri',
  'Elif',
  'Farah',
  'Gus',
  'Hanna',
  'Iván',
  'Jürgen',
  'Keiko',
  'Léa',
  'Marek',
  'Nadia',
  'Oskar',
  'Priya',
  'Quinn',
  'Renée',
  'Søren',
  'Tomás',
  'Ulla',
  'Viktor',
  'Wanda',
  'Xenia',
  'Yusuf',
  'Zoë',
  'Łukasz',
  'Amara',
]
const lastNames = [
  'Abbot',
  'Bianchi',
  'Castro',
  'Dvorak',
  'Eriksen',
  'Fontaine',
  'García',
  'Hollis',
  'Ibsen',
  'Jansen',
  'Kovač',
  'Lindqvist',
  'Moreau',
  'Nakata',
  "O'Dell",
  'Petrov',
  'Quist',
  'Rossi',
  'Sørensen',
  'Tanaka',
  'Ueda',
  'Varga',
  'Whitlock',
  'Yilmaz',
  'Müller',
]
const firmHeads = [
  'Alder',
  'Brightwater',
  'Copperfield',
  'Dunmore',
  'Eastgate',
  'Fenwick',
  'Glenrock',
  'Harrow',
  'Ironbridge',
  'Juniper',
  'Kestrel',
  'Larkspur',
  'Meridian',
  'Northwind',
  'Orchard',
  'Pinecrest',
  'Quarry',
  'Rosewood',
  'Stillwater',
  'Thornbury',
  'Umber',
  'Vantage',
  'Westbrook',
  'Yarrow',
  'Zephyr',
  'Açor',
  'Élan',
  'Österby',
]
const firmKinds = [
  'Logistics',
  'Health',
  'Credit Union',
  'Foods',
  'Manufacturing',
  'School District',
  'Insurance',
  'Energy',
  'Retail',
  'Hospital Group',
  'Engineering',
  'Publishing',
  'Airways',
  'Mutual',
  'Pharma',
  'County Council',
  'Hotels',
  'Timber',
]
const firmTails = ['Inc.', 'LLC', 'Ltd', 'GmbH', 'S.A.', 'Group', '& Sons', '']

export const jobTitles = [
  'IT Manager',
  'CIO',
  'Network Engineer',
  'Head of Infrastructure',
  'Procurement Lead',
  'Security Officer',
  '',
  'Project Sponsor',
]
export const industries = ['Healthcare', 'Finance', 'Education', 'Manufacturing', 'Retail', 'Public sector', 'Energy']

const places = [
  ['Ashford', 'OR', '97201', 'US'],
  ['Brookhaven', 'TX', '75001', 'US'],
  ['Cedar Falls', 'IA', '50613', 'US'],
  ['Dover', 'DE', '19901', 'US'],
  ['Elmira', 'NY', '14901', 'US'],
  ['Fairview', 'CA', '94541', 'US'],
  ['Göteborg', 'VG', '411 03', 'SE'],
  ['Köln', 'NW', '50667', 'DE'],
  ['Málaga', 'AN', '29001', 'ES'],
  ['Leeds', '', 'LS1 4AP', 'GB'],
] as const
const streets = [
  'Harbor Road',
  'Mill Lane',
  'Station Street',
  'Foundry Way',
  'Linden Avenue',
  'Market Square',
  'Quay Side',
]

export interface Address {
  street: string
  street2: string | null
  city: string
  state: string
  postal: string
  country: string
}

export function address(random: Random): Address {
  const [city, state, postal, country] = random.pick(places)
  const street = `${String(random.between(1, 990))} ${random.pick(streets)}`
  // "" and null both stand for "nothing" in the same field (API notes §8)
  return { street, street2: random.pick(['', null, 'Suite 400', '2nd floor']), city, state, postal, country }
}

export const person = (random: Random): string => `${random.pick(firstNames)} ${random.pick(lastNames)}`

const plain = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/ø/g, 'o')
    .replace(/Ł/g, 'L')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '.')
    .replace(/^\.|\.$/g, '')

export const email = (name: string, domain: string): string => `${plain(name)}@${domain}`
export const slug = (text: string): string => plain(text).replaceAll('.', '-')

/** The number keeps firms apart once the combinations repeat. */
export function firm(random: Random, count: number): string {
  const name = `${random.pick(firmHeads)} ${random.pick(firmKinds)} ${random.pick(firmTails)}`.trim()
  return count < 40 ? name : `${name} ${String(count)}`
}

export const phone = (random: Random): string => `+1 555 01${String(random.between(10, 99))}`
export const domain = (name: string): string => `${slug(name)}.test`
