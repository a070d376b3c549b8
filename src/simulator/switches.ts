/** Every behaviour of ScopeStack that nobody could observe is a switch; a profile is a set of them (API notes §6, §10–12). */

export type Profile = 'help-pages' | 'library'

/** The names lines of business may have (API notes §2, §10). */
export const lobNames = ['line-of-businesses', 'lines-of-business', 'lobs'] as const
type LobName = (typeof lobNames)[number]

export interface Switches {
  dateFilter: 'effective' | 'ignored' | 'refused'
  sortUpdatedAt: 'ok' | 'refused'
  pageMax: number
  pageDefault: number
  /** what a page size above the maximum gets */
  pageOverflow: 'refused' | 'clamped'
  childBumpsProject: boolean
  /** seconds; null: 86400 or 7200 by grant */
  tokenLifetime: number | null
  /** ms added to every API answer */
  latency: number
  /** body of 401, 403 and unknown routes */
  errorBodies: 'json' | 'html'
  linksWithAccount: boolean
  /** a to-one written with an id that does not exist */
  danglingLinks: 'accepted' | 'refused'
  /** attributes nobody was seen writing */
  unsureAttributes: 'refused' | 'writable'
  /** HTTP Basic and JSON bodies at the token endpoint */
  looseTokenRequests: boolean
  /** Doorkeeper without its `previous_refresh_token` column revokes the old access token at once */
  refreshRevokesAccess: boolean
  /** rows with equal sort values change places from page to page */
  unstableTies: boolean
  /**
   * of a list, also a nested one, that is asked for without `sort`; `grouped` is the active ones first, each group by id;
   * `shuffled` is the same order in every answer
   */
  listOrder: 'id' | 'newest-first' | 'grouped' | 'shuffled'
  /** types whose lists, also nested ones, come whole whatever page is asked for (`paginator: none`): no page is counted */
  unpagedLists: string[]
  /** ids by type: each page that holds one answers 500, and so does the record itself, unless `fields` leaves all its attributes out */
  brokenRecords: Record<string, string[]>
  /** page sizes above it get 504; null: none */
  heavyPages: number | null
  /** pages whose last record stands behind this place of their list are refused with 400; null: none */
  pageDepth: number | null
  /**
   * `constant` is one for each address, whatever it holds; `one` is the same for all; `blind` is the right one, and a 304 to
   * any `If-None-Match`
   */
  etags: 'right' | 'constant' | 'one' | 'blind' | 'none'
  /** types whose own list answers 404; single records and nested lists still answer */
  missingLists: string[]
  /** types whose single records answer 404, although the list has them */
  missingRecords: string[]
  /** which records an account-level list shows without a filter; a flag that is null is neither active nor archived */
  activeDefault: 'not-archived' | 'active' | 'all'
  /** `filter[active]=true,false,`: the library reads what stands behind the last comma as null; else it matches nothing */
  emptyFilterValue: 'null' | 'nothing'
  /** under which path lines of business answer, and the type their records and linkages carry */
  lobPath: LobName
  lobType: LobName
  /** types that answer 403 */
  forbidden: string[]
  /** types that can be read, and answer 403 to writes */
  readOnly: string[]
  /**
   * a relationship of an included record that was asked for by a dotted include and has nobody at its end: the library
   * (0.10.7) leaves its `data` out there, though a list says `null` or `[]` of the same one
   */
  nestedNulls: 'told' | 'left-out'
  /** by type: attributes, and relationships, that no answer carries, as of a role that may not see them */
  withheldAttributes: Record<string, string[]>
  withheldRelationships: Record<string, string[]>
  /** every address in an attribute is signed anew in each answer, in one of the forms that storage services have */
  signedAddresses: boolean
  refusedIncludes: Record<string, string[]>
  refusedFilters: Record<string, string[]>
  refusedSorts: Record<string, string[]>
  /** whether the 400 to an include, a filter, a sort or a page says which one it was; else its body is empty */
  includeErrors: 'named' | 'empty'
  /** by type: members that a write must not carry (code 105), though they are known to be writable */
  refusedMembers: Record<string, string[]>
  /** what a write that was done is answered with in the place of the record */
  foreignWrites: 'off' | 'other-record' | 'other-type' | 'list' | 'html' | 'empty' | 'other-account' | 'stale'
  /**
   * the shape of refusals: `error` is `{"error": text}`, `object` is `{"errors": {member: [texts]}}`, `list` is
   * `{"errors": [texts]}`, as controllers of Rails' own kind answer
   */
  errorShape: 'json-api' | 'error' | 'object' | 'list' | 'text'
  /**
   * what a request carried (its token; at the token address the client secret, password, refresh token and code, too) is
   * quoted, encoded in many ways and cut in halves: in the headers of every answer and the fields of refusals, or in the
   * fields of every answer
   */
  echoSecrets: 'off' | 'refusals' | 'everything'
  /** of bodies: by what the request accepts, or gzip whatever it accepts; errors and tokens too */
  compression: 'off' | 'negotiated' | 'unasked'
}

export function switchesOf(profile: Profile): Switches {
  const help = profile === 'help-pages'
  return {
    dateFilter: help ? 'effective' : 'refused',
    sortUpdatedAt: 'ok',
    pageMax: help ? 250 : 100,
    pageDefault: help ? 250 : 100,
    pageOverflow: 'refused',
    childBumpsProject: true,
    tokenLifetime: null,
    latency: 0,
    errorBodies: help ? 'json' : 'html',
    linksWithAccount: help,
    danglingLinks: help ? 'refused' : 'accepted',
    unsureAttributes: 'refused',
    looseTokenRequests: !help,
    refreshRevokesAccess: false,
    unstableTies: !help,
    listOrder: 'id',
    unpagedLists: [],
    brokenRecords: {},
    heavyPages: null,
    pageDepth: null,
    etags: 'right',
    missingLists: [],
    missingRecords: [],
    activeDefault: 'not-archived',
    emptyFilterValue: 'null',
    lobPath: 'line-of-businesses',
    lobType: 'lines-of-business',
    forbidden: [],
    readOnly: [],
    nestedNulls: 'left-out',
    withheldAttributes: {},
    withheldRelationships: {},
    signedAddresses: false,
    refusedIncludes: {},
    refusedFilters: {},
    refusedSorts: {},
    includeErrors: 'named',
    refusedMembers: {},
    foreignWrites: 'off',
    errorShape: 'json-api',
    echoSecrets: 'off',
    compression: 'off',
  }
}

const choices: Partial<Record<keyof Switches, readonly string[]>> = {
  dateFilter: ['effective', 'ignored', 'refused'],
  sortUpdatedAt: ['ok', 'refused'],
  pageOverflow: ['refused', 'clamped'],
  errorBodies: ['json', 'html'],
  danglingLinks: ['accepted', 'refused'],
  unsureAttributes: ['refused', 'writable'],
  etags: ['right', 'constant', 'one', 'blind', 'none'],
  listOrder: ['id', 'newest-first', 'grouped', 'shuffled'],
  lobPath: lobNames,
  compression: ['off', 'negotiated', 'unasked'],
  lobType: lobNames,
  nestedNulls: ['told', 'left-out'],
  activeDefault: ['not-archived', 'active', 'all'],
  emptyFilterValue: ['null', 'nothing'],
  includeErrors: ['named', 'empty'],
  foreignWrites: ['off', 'other-record', 'other-type', 'list', 'html', 'empty', 'other-account', 'stale'],
  errorShape: ['json-api', 'error', 'object', 'list', 'text'],
  echoSecrets: ['off', 'refusals', 'everything'],
}

const wholeOrNull: ReadonlySet<string> = new Set(['tokenLifetime', 'heavyPages', 'pageDepth'])

/** by type */
const named: ReadonlySet<string> = new Set([
  'withheldAttributes',
  'withheldRelationships',
  'refusedIncludes',
  'refusedFilters',
  'refusedSorts',
  'refusedMembers',
  'brokenRecords',
])

const isNames = (value: unknown): boolean => Array.isArray(value) && value.every((entry) => typeof entry === 'string')

/** A sentence that says what is wrong with the value, or null. */
function objection(name: string, value: unknown, now: Switches): string | null {
  if (!(name in now)) return `no switch is called ${name}; there are ${Object.keys(now).join(', ')}`
  const key = name as keyof Switches
  const allowed = choices[key]
  if (allowed !== undefined) {
    return typeof value === 'string' && allowed.includes(value) ? null : `${name} takes one of ${allowed.join(', ')}`
  }
  if (wholeOrNull.has(key) && value === null) return null
  if (wholeOrNull.has(key) || key === 'pageMax' || key === 'pageDefault' || key === 'latency') {
    const low = key === 'latency' ? 0 : 1
    return Number.isInteger(value) && (value as number) >= low
      ? null
      : `${name} takes a whole number from ${String(low)}`
  }
  if (
    key === 'forbidden' ||
    key === 'readOnly' ||
    key === 'missingLists' ||
    key === 'missingRecords' ||
    key === 'unpagedLists'
  )
    return isNames(value) ? null : `${name} takes an array of resource types`
  if (named.has(key)) {
    const fits =
      typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isNames)
    return fits ? null : `${name} takes an object of resource type to array of names`
  }
  return typeof value === 'boolean' ? null : `${name} takes true or false`
}

/** Changes nothing unless every value fits. */
export function setSwitches(now: Switches, changes: Readonly<Record<string, unknown>>): string | null {
  for (const [name, value] of Object.entries(changes)) {
    const refused = objection(name, value, now)
    if (refused !== null) return refused
  }
  Object.assign(now, changes)
  return null
}
