/** The fixed part of the fault matrix that `npm test` runs. */

/** Each operation, and each fault that no other test of `npm test` brings about. */
export const SHORT: readonly string[] = [
  'ScopeStack: slow-loris: a byte at a time · backfill · before',
  'ScopeStack: gzip bomb · unchanged pull · before',
  'ScopeStack: 500 again and again · incremental · before',
  'ScopeStack: half-open, bytes of ScopeStack lost · push of a new row · arrived',
  'ScopeStack: half-open, bytes to ScopeStack lost · first pull · before',
  'ScopeStack: expired token · push of an edit · arrived',
  'Postgres: connection reset · token · arrived',
  'Postgres: half-open, both directions · push of a new row · done',
  'Postgres: half-open, bytes of Postgres lost · first pull · writing',
  'Postgres: half-open, bytes to Postgres lost · incremental · arrived',
  'Postgres: restart · push of a new row · done',
  'Postgres: read-only · push of an edit · arrived',
  'Postgres: disk full · first pull · arrived',
  'Postgres: connection limit reached · backfill · arrived',
  'Postgres: deadlock · first pull · writing',
  'Postgres: lock held by another session · push of a deletion · writing',
  'Redis: wiped · token · arrived',
  'Redis: restarted · first pull · arrived',
  'Redis: READONLY · push of a new row · arrived',
  'Redis: half-open, both directions · token · arrived',
  'ScopeStack’s a day ahead · incremental · before',
  'ScopeStack’s a day behind · push of a new row · before',
  'this host’s a day ahead · push of an edit · before',
  'this host’s a day behind · token · before',
  'Redis: full (maxmemory, noeviction) · schedule on Redis · arrived',
  'SIGKILL · detection of deletes · writing',
  'SIGKILL · incremental · done',
  'SIGKILL · token · done',
  'SIGKILL · schedule on Postgres · closing',
  'SIGSTOP past the lease · push of a new row · done',
]

/**
 * Brought about by others: test/system/surroundings/remote.test.ts, test/integration/push/push.test.ts,
 * test/system/start/tokens.test.ts, test/system/surroundings/redis-switch-over.test.ts.
 */
export const ELSEWHERE: readonly string[] = [
  'ScopeStack: connection reset',
  'ScopeStack: lost response',
  'ScopeStack: truncated body',
  'ScopeStack: HTML in place of JSON',
  'ScopeStack: 429 without Retry-After',
  'ScopeStack: 429 with Retry-After',
  'ScopeStack: 500, 502, 503, 504',
  'ScopeStack: revoked token',
  'Redis: connection reset',
]
