/** What facts of ScopeStack, of its clock and of the account mean, and what to do about them. Pure. */
import { spokenSeconds } from '../../jobs/clock.ts'
import { duration, many, thousands } from '../../report/words.ts'
import type { Access } from '../../sync/discover/privileges.ts'
import type { Support } from '../../sync/discover/support.ts'
import { fail, failedBy, ok, skip, warn, type Fact, type Finding } from './finding.ts'

export interface RemoteClockFacts {
  /** ScopeStack has responded, with a date. */
  readonly known: boolean
  /** Against the database's. */
  readonly notice: string | null
  /** Where there is no database: how far this host is ahead of ScopeStack, in seconds; null when they agree. */
  readonly hostAhead: number | null
}

export function decideRemoteClock({ known, notice, hostAhead }: RemoteClockFacts): Finding {
  if (!known) return skip('ScopeStack has not responded with a date.')
  if (notice !== null) {
    return warn(notice, 'Let the database server keep time by NTP, to see which of the two is wrong.', {
      complete: true,
      facts: { off: true },
    })
  }
  if (hostAhead === null) return ok("ScopeStack's clock agrees with ours.", { off: false })
  return warn(
    `This host's clock is ${spokenSeconds(Math.abs(hostAhead))} ${hostAhead > 0 ? 'ahead of' : 'behind'} ScopeStack's.`,
    'Set the clock of this host right (chrony or systemd-timesyncd do).',
    { facts: { off: true, seconds: hostAhead } },
  )
}

export interface TokenFacts {
  readonly lifetimeMs: number
  readonly shared: boolean
}

export function decideToken({ lifetimeMs, shared }: TokenFacts): Finding {
  const whose = shared ? 'all processes share it' : 'for this check alone, since nothing can be shared now'
  return ok(`ScopeStack has issued one for ${duration(lifetimeMs)}; ${whose}.`, { lifetimeMs, shared })
}

interface Named {
  readonly id: string
  readonly slug: string
}

export interface AccountFacts {
  readonly found: Named
  /** The one that the database mirrors; undefined: it cannot be read, null: it is not bound yet. */
  readonly bound: Named | null | undefined
}

/** It says whose account it is: without that, nothing is read. */
const ME_FORBIDDEN = fail(
  'The role of the service account may not see /v1/me, which says whose account it is (403); nothing is read without that.',
  'Give the role the right to see its own user (Settings → Roles), or make the credentials of a user who may.',
  { code: 'SYNC_FORBIDDEN' },
)

/** The name of an account is that of a company. */
const OF_CUSTOMER = { quotes: true }

/** @param facts null: the credentials may not ask. */
export function decideAccount(facts: AccountFacts | null): Finding {
  return facts === null ? ME_FORBIDDEN : decideBinding(facts)
}

function decideBinding({ found, bound }: AccountFacts): Finding {
  const facts = { bound: bound === undefined ? null : bound !== null }
  const name = `${found.slug} (${found.id})`
  if (bound === undefined)
    return ok(`The credentials are of account ${name}; what the database mirrors is not known.`, facts, OF_CUSTOMER)
  if (bound === null)
    return ok(`The credentials are of account ${name}; the first pull binds the database to it.`, facts, OF_CUSTOMER)
  if (bound.id === found.id) return ok(`Account ${name}, which the database mirrors.`, facts, OF_CUSTOMER)
  return fail(
    `The database mirrors account ${bound.slug} (${bound.id}), and the credentials are of ${name}.`,
    'Use the credentials of the mirrored account, or another DATABASE_URL.',
    { code: 'SYNC_WRONG_ACCOUNT', facts, ...OF_CUSTOMER },
  )
}

export function decidePrivileges(found: readonly Access[]): readonly Finding[] {
  const of = (state: Access['state']) => found.filter((one) => one.state === state).map(({ resource }) => resource)
  const names = (state: Access['state']): string[] => of(state).map(({ type }) => type)
  const [readable, forbidden, untried] = [names('readable'), names('forbidden'), names('untried')]
  // What only may exist is no problem where it does not.
  const missing = of('missing')
    .filter(({ confidence }) => confidence !== 'low')
    .map(({ type }) => type)
  const absent = of('missing').length - missing.length
  const failed = found.flatMap((one) => (one.state === 'failed' ? [one] : []))
  const facts: Record<string, Fact> = {
    readable: readable.length,
    forbidden,
    missing,
    absent,
    untried,
    failed: failed.map(({ resource }) => resource.type),
  }
  const beside = [
    ...(absent > 0 ? [`${many(absent, 'optional one')} not offered to this account`] : []),
    ...(untried.length > 0 ? [`${many(untried.length, 'one')} not tried (no record to read below)`] : []),
  ]
  const summary = `${thousands(readable.length)} of ${many(found.length, 'resource')} can be read${beside.length === 0 ? '' : `; ${beside.join(', ')}`}.`
  return [
    ok(summary, facts),
    ...(forbidden.length === 0
      ? []
      : [
          warn(
            `The role of the service account may not see ${listed(forbidden)} (403).`,
            'Give the role the "view" privilege for that area (Settings → Roles), or leave the resource out with SYNC_RESOURCES.',
            { code: 'SYNC_FORBIDDEN', facts: { resources: forbidden } },
          ),
        ]),
    ...(missing.length === 0
      ? []
      : [
          warn(
            `ScopeStack has no list of ${listed(missing)} (404).`,
            'If this account does not have that area, leave it out with SYNC_RESOURCES.',
            { code: 'SYNC_LIST_NOT_FOUND', facts: { resources: missing } },
          ),
        ]),
    ...failed.map(({ resource, error }) => ({ ...failedBy(error, 'warn'), facts: { resources: [resource.type] } })),
  ]
}

const LISTED = 8

/** `a, b and 3 more` */
export const listed = (names: readonly string[]): string =>
  names.length <= LISTED
    ? names.join(', ')
    : `${names.slice(0, LISTED).join(', ')} and ${thousands(names.length - LISTED)} more`

/** No person here can change what the server takes: these lines explain the cost, and none is a warning. */
export function decideSupport(found: readonly Support[]): readonly Finding[] {
  const having = (is: (one: Support) => boolean): string[] => found.filter(is).map(({ resource }) => resource)
  const cost = (names: readonly string[], words: string, key: string): Finding[] =>
    names.length === 0 ? [] : [ok(`${words}: ${listed(names)}.`, { [key]: names })]
  const [byFilter, bySort] = [
    having(({ changes }) => changes === 'filter'),
    having(({ changes }) => changes === 'sort'),
  ]
  if (found.length === 0) return [ok('Nothing is known yet; the first pull finds it out.')]
  const quick = byFilter.length + bySort.length
  return [
    ok(
      quick === 0
        ? 'Changed records cannot be requested alone for any resource so far: those are read in full, or below the projects that changed.'
        : `Changed records can be requested alone for ${many(quick, 'resource')} (${byFilter.length} by date, ${bySort.length} by sort).`,
      { byFilter, bySort },
    ),
    ...cost(
      having(({ changes }) => changes === 'none'),
      'Read in full each time, since neither date filter nor sort works',
      'byNeither',
    ),
    ...cost(
      having(({ from }) => from === 'below' || from === 'each'),
      'One request or more for each record above, since they have no list of their own',
      'nested',
    ),
    ...cost(
      having(({ refused }) => refused.length > 0),
      'Read with more requests, or without a filter, since the server refuses a part of the request',
      'refused',
    ),
    ...cost(
      having(({ pageSize }) => pageSize !== null),
      'Read in smaller pages than SYNC_PAGE_SIZE',
      'smallerPages',
    ),
    ...cost(
      having(({ unordered }) => unordered),
      'Read more than once, since the list is not in order',
      'unordered',
    ),
    ...cost(
      having(({ cut }) => cut),
      'Read from both ends, since the far pages are refused',
      'fromBothEnds',
    ),
    ...cost(
      having(({ etagsWrong }) => etagsWrong),
      'Every page is transferred, since its ETags were wrong',
      'etagsWrong',
    ),
    ...cost(
      having(({ absent }) => absent),
      'Not offered to this account',
      'absent',
    ),
  ]
}
