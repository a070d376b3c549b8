/**
 * Of one HTTP request to ScopeStack: no connection, no response in time, a failure, a body that cannot be read, a limit. All
 * are temporary; a resource fails when its attempts are spent.
 */
import type { Entry } from './entry.ts'

export const REQUESTS = {
  SYNC_REMOTE_UNREACHABLE: {
    scope: 'resource',
    remedy: 'retry',
    meaning: 'No connection to ScopeStack, or it broke.',
    action: 'Check the network, the firewall and the address.',
  },
  SYNC_REMOTE_TIMEOUT: {
    scope: 'resource',
    remedy: 'retry',
    meaning: 'ScopeStack did not respond in time.',
    action:
      'If this stays, check the address and a proxy on the way, or ask ScopeStack support; for a page of records, lower SYNC_PAGE_SIZE.',
  },
  SYNC_REMOTE_FAILED: {
    scope: 'resource',
    remedy: 'retry',
    meaning:
      'ScopeStack, or something before it, responded with a failure (5xx), a redirect or a page that is not its own.',
    action: 'If this stays, look for a proxy in between, else report the message to ScopeStack support.',
  },
  SYNC_BODY_UNREADABLE: {
    scope: 'resource',
    remedy: 'retry',
    meaning: 'A response is cut off, too large, or not JSON:API.',
    action: 'If this stays, look for a proxy or a login page between this host and ScopeStack.',
  },
  SYNC_ANSWER_FOREIGN: {
    scope: 'record',
    remedy: 'retry',
    meaning: 'A response carries another record than the requested one.',
    action: 'If this stays, look for a cache or proxy that mixes up responses.',
  },
  SYNC_RATE_LIMITED: {
    scope: 'run',
    remedy: 'wait',
    meaning: 'ScopeStack asks to wait before the next request (429, or Retry-After), for longer than a run waits.',
    action: 'Run again after that time; if it happens often, lower SYNC_RATE.',
  },
  SYNC_PACE_WAITS: {
    scope: 'notice',
    remedy: 'wait',
    meaning: 'Requests wait long for the rate limit that all workers share.',
    action: 'Nothing; raise SYNC_RATE, the same for all workers, if that is too slow.',
  },
  SYNC_PACE_ALONE: {
    scope: 'notice',
    remedy: 'wait',
    meaning: 'The rate limit cannot be shared for now, so this worker keeps to its own part of it.',
    action: 'Fix what the message names (Redis or Postgres).',
  },
  SYNC_PROXY_UNREACHABLE: {
    scope: 'resource',
    remedy: 'retry',
    meaning: 'The proxy of HTTPS_PROXY cannot be reached.',
    action: 'Check HTTPS_PROXY and NO_PROXY.',
  },
  SYNC_PROXY_REFUSED: {
    scope: 'run',
    remedy: ['retry', 'stop'],
    meaning: 'The proxy refused the connection to ScopeStack.',
    action: 'Put user and password into HTTPS_PROXY (407), or have the proxy allow the host.',
  },
} as const satisfies Record<string, Entry>
