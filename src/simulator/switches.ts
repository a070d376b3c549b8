/** Every behaviour of ScopeStack that is not known is a switch; a profile is a set of them (API notes §6, §10–12). */

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
  /** ms added to every API response */
  latency: number
  /** requests that it works on at once (null: any number); more wait for their turn, take longer, the more there are, or get 429 */
  worksOn: number | null
  overloaded: 'queue' | 'slow' | 'refuse'
  /** body of 401, 403 and unknown routes */
  errorBodies: 'json' | 'html'
  linksWithAccount: boolean
  /** a to-one written with an id that does not exist */
  danglingLinks: 'accepted' | 'refused'
  /** attributes that no known client writes */
  unsureAttributes: 'refused' | 'writable'
  /** HTTP Basic and JSON bodies at the token endpoint */
  looseTokenRequests: boolean
  /** Doorkeeper without its `previous_refresh_token` column revokes the old access token at once */
  refreshRevokesAccess: boolean
  /** rows with equal sort values change places from page to page */
  unstableTies: boolean
  /**
   * of a list, also a nested one, that is requested without `sort`; `grouped` is the active ones first, each group by id;
   * `shuffled` is the same arbitrary order in every response
   */
  listOrder: 'id' | 'newest-first' | 'grouped' | 'shuffled'
  /** types whose lists, also nested ones, are sent complete whatever page is requested (`paginator: none`), without a page count */
  unpagedLists: string[]
  /** ids by type: each page that holds one gets 500, and so does the record itself, unless `fields` leaves all its attributes out */
  brokenRecords: Record<string, string[]>
  /** page sizes above it get 504; null: none */
  heavyPages: number | null
  /** pages that reach beyond this position of their list are refused with 400; null: none */
  pageDepth: number | null
  /**
   * `constant` is one for each address, whatever its content; `one` is the same for all; `blind` is the right one, and a 304
   * to any `If-None-Match`
   */
  etags: 'right' | 'constant' | 'one' | 'blind' | 'none'
  /** a 304 only after the page was built, and its ETag of the body, as Rails has it; else a 304 costs the server nothing */
  honest304: boolean
  /** types whose own list gets 404; single records and nested lists do not */
  missingLists: string[]
  /** types whose single records get 404, although the list has them */
  missingRecords: string[]
  /** which records an account-level list shows without a filter; a flag that is null is neither active nor archived */
  activeDefault: 'not-archived' | 'active' | 'all'
  /** `filter[active]=true,false,`: the library reads the empty value as null; else it matches nothing */
  emptyFilterValue: 'null' | 'nothing'
  /** the path of lines of business, and the type in their records and linkages */
  lobPath: LobName
  lobType: LobName
  /** types whose requests get 403 */
  forbidden: string[]
  /** types that can be read, and whose writes get 403 */
  readOnly: string[]
  /**
   * an empty relationship of an included record, requested by a dotted include: the library (0.10.7) leaves its `data` out
   * there, although it sends `null` or `[]` where the same record is in a list
   */
  nestedNulls: 'told' | 'left-out'
  /** by type: attributes, and relationships, that no response has, as for a role that may not see them */
  withheldAttributes: Record<string, string[]>
  withheldRelationships: Record<string, string[]>
  /** every address in an attribute is signed anew in each response, in one of the forms that storage services use */
  signedAddresses: boolean
  refusedIncludes: Record<string, string[]>
  refusedFilters: Record<string, string[]>
  refusedSorts: Record<string, string[]>
  /** whether the 400 to an include, a filter, a sort, a page or fields names it; else its body is empty */
  includeErrors: 'named' | 'empty'
  /**
   * `fields[…]`: `forbidden` is a 403, as of a firewall; `inherited` holds for the list's own type as well, as in the library where
   * that is a subclass; `unlinked` leaves out the linkage to the types that it names; `reordered` gives the list in the opposite order
   */
  sparseFields: 'applied' | 'ignored' | 'refused' | 'forbidden' | 'inherited' | 'unlinked' | 'reordered'
  /** by type: members that are refused in a write (code 105), although they are known to be writable */
  refusedMembers: Record<string, string[]>
  /** the response to a write that was done, in place of the written record */
  foreignWrites: 'off' | 'other-record' | 'other-type' | 'list' | 'html' | 'empty' | 'other-account' | 'stale'
  /**
   * the shape of error bodies: `error` is `{"error": text}`, `object` is `{"errors": {member: [texts]}}`, `list` is
   * `{"errors": [texts]}`, as plain Rails controllers send them
   */
  errorShape: 'json-api' | 'error' | 'object' | 'list' | 'text'
  /**
   * secrets of the request (its token; at the token address the client secret, password, refresh token and code, too) are
   * repeated, encoded in many ways and cut in halves: in the headers of every response and the fields of error bodies, or in
   * the fields of every response
   */
  echoSecrets: 'off' | 'refusals' | 'everything'
  /**
   * `one`: only the default one; `several`: with conversion rates, and each rate table has another one; `none`: nothing says that
   * there are currencies (API notes §13)
   */
  currencies: 'none' | 'one' | 'several'
  /** of bodies: as the request accepts, or gzip whatever it accepts; also of errors and tokens */
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
    worksOn: null,
    overloaded: 'queue',
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
    honest304: false,
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
    sparseFields: 'applied',
    includeErrors: 'named',
    refusedMembers: {},
    foreignWrites: 'off',
    errorShape: 'json-api',
    echoSecrets: 'off',
    currencies: 'one',
    compression: 'off',
  }
}
