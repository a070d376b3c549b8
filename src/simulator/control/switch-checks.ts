/** Sets switches, once each value was checked. */
import { lobNames, type Switches } from '../switches.ts'

interface Check {
  readonly fits: (value: unknown) => boolean
  readonly takes: string
}

const isNames = (value: unknown): boolean => Array.isArray(value) && value.every((entry) => typeof entry === 'string')

const isNamesByType = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isNames)

const oneOf = (...choices: readonly string[]): Check => ({
  fits: (value) => typeof value === 'string' && choices.includes(value),
  takes: `one of ${choices.join(', ')}`,
})
const wholeFrom = (low: number): Check => ({
  fits: (value) => Number.isInteger(value) && (value as number) >= low,
  takes: `a whole number from ${String(low)}`,
})
const orNull = ({ fits, takes }: Check): Check => ({ fits: (value) => value === null || fits(value), takes })
const boolean: Check = { fits: (value) => typeof value === 'boolean', takes: 'true or false' }
const types: Check = { fits: isNames, takes: 'an array of resource types' }
const namesByType: Check = { fits: isNamesByType, takes: 'an object of resource type to array of names' }

const checks: Readonly<Record<keyof Switches, Check>> = {
  dateFilter: oneOf('effective', 'ignored', 'refused'),
  sortUpdatedAt: oneOf('ok', 'refused'),
  pageMax: wholeFrom(1),
  pageDefault: wholeFrom(1),
  pageOverflow: oneOf('refused', 'clamped'),
  childBumpsProject: boolean,
  tokenLifetime: orNull(wholeFrom(1)),
  latency: wholeFrom(0),
  worksOn: orNull(wholeFrom(1)),
  overloaded: oneOf('queue', 'slow', 'refuse'),
  errorBodies: oneOf('json', 'html'),
  linksWithAccount: boolean,
  danglingLinks: oneOf('accepted', 'refused'),
  unsureAttributes: oneOf('refused', 'writable'),
  looseTokenRequests: boolean,
  refreshRevokesAccess: boolean,
  unstableTies: boolean,
  listOrder: oneOf('id', 'newest-first', 'grouped', 'shuffled'),
  unpagedLists: types,
  brokenRecords: namesByType,
  heavyPages: orNull(wholeFrom(1)),
  pageDepth: orNull(wholeFrom(1)),
  etags: oneOf('right', 'constant', 'one', 'blind', 'none'),
  honest304: boolean,
  missingLists: types,
  missingRecords: types,
  activeDefault: oneOf('not-archived', 'active', 'all'),
  emptyFilterValue: oneOf('null', 'nothing'),
  lobPath: oneOf(...lobNames),
  lobType: oneOf(...lobNames),
  forbidden: types,
  readOnly: types,
  nestedNulls: oneOf('told', 'left-out'),
  withheldAttributes: namesByType,
  withheldRelationships: namesByType,
  signedAddresses: boolean,
  refusedIncludes: namesByType,
  refusedFilters: namesByType,
  refusedSorts: namesByType,
  sparseFields: oneOf('applied', 'ignored', 'refused', 'forbidden', 'inherited', 'unlinked', 'reordered'),
  includeErrors: oneOf('named', 'empty'),
  refusedMembers: namesByType,
  foreignWrites: oneOf('off', 'other-record', 'other-type', 'list', 'html', 'empty', 'other-account', 'stale'),
  errorShape: oneOf('json-api', 'error', 'object', 'list', 'text'),
  echoSecrets: oneOf('off', 'refusals', 'everything'),
  currencies: oneOf('none', 'one', 'several'),
  compression: oneOf('off', 'negotiated', 'unasked'),
}

/** A sentence that says what is wrong with the value, or null. */
function problemOf(name: string, value: unknown): string | null {
  if (!Object.hasOwn(checks, name)) return `no switch is called ${name}; there are ${Object.keys(checks).join(', ')}`
  const { fits, takes } = checks[name as keyof Switches]
  return fits(value) ? null : `${name} takes ${takes}`
}

/** Sets all of them, or none and returns the sentence that says which value does not fit. */
export function setSwitches(switches: Switches, changes: Readonly<Record<string, unknown>>): string | null {
  for (const [name, value] of Object.entries(changes)) {
    const problem = problemOf(name, value)
    if (problem !== null) return problem
  }
  Object.assign(switches, changes)
  return null
}
