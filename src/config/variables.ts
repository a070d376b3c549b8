/** Every variable of the environment: its words for `.env.example`, and what it may be. Read by `config/config.ts` alone. */
import { ALERT_VARIABLES } from './alerting.ts'
import { HISTORY_VARIABLES } from './history.ts'
import {
  dashboardTokens,
  databaseUrl,
  isHttpAddress,
  isTimeZone,
  listBy,
  number,
  oneOf,
  optional,
  orElse,
  scopeStackUrl,
  text,
  textThat,
  type Kind,
} from './kinds.ts'
import { PROXY_VARIABLES } from './proxy.ts'

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

export const GRANTS = ['client_credentials', 'password', 'authorization_code'] as const

export interface Variable {
  readonly group: string
  readonly about: string
  readonly kind: Kind<unknown>
  readonly example: string
  /** Needed only by commands that speak to ScopeStack. */
  readonly required?: boolean
  /** Also read from the file named by `NAME_FILE` (Docker and Kubernetes secrets). */
  readonly secret?: boolean
  /** Also read in small letters, which win, as everywhere. */
  readonly anyCase?: boolean
}

export const VARIABLES = {
  SCOPESTACK_CLIENT_ID: {
    group: 'ScopeStack',
    about: 'Client id of the service account (Settings → Users → the service user → client credentials).',
    kind: orElse('', text),
    example: '',
    required: true,
  },
  SCOPESTACK_CLIENT_SECRET: {
    group: 'ScopeStack',
    about: 'Its client secret.',
    kind: orElse('', text),
    example: '',
    required: true,
    secret: true,
  },
  SCOPESTACK_GRANT: {
    group: 'ScopeStack',
    about:
      'How tokens are obtained: client_credentials (a service account), password (a user below), or authorization_code (the command "login", once, in a browser).',
    kind: orElse('client_credentials', oneOf(GRANTS)),
    example: 'client_credentials',
  },
  SCOPESTACK_USERNAME: {
    group: 'ScopeStack',
    about: 'Email of the user, for the grant password only.',
    kind: optional(text),
    example: '',
  },
  SCOPESTACK_PASSWORD: {
    group: 'ScopeStack',
    about: 'Password of that user.',
    kind: optional(text),
    example: '',
    secret: true,
  },
  SCOPESTACK_AUTH_URL: {
    group: 'ScopeStack',
    about: 'Address that issues tokens.',
    kind: orElse('https://app.scopestack.io', scopeStackUrl),
    example: 'https://app.scopestack.io',
  },
  SCOPESTACK_API_URL: {
    group: 'ScopeStack',
    about: 'Address of the API.',
    kind: orElse('https://api.scopestack.io', scopeStackUrl),
    example: 'https://api.scopestack.io',
  },
  DATABASE_URL: {
    group: 'Postgres',
    about:
      'postgres://user:password@host:5432/database. Empty: an embedded Postgres in .scopestack-sync/ (not with NODE_ENV=production).',
    kind: optional(databaseUrl),
    example: '',
    secret: true,
  },
  DATABASE_DIRECT_URL: {
    group: 'Postgres',
    about:
      'The address of the server itself, where DATABASE_URL leads to a pooler (Neon, Supabase, PgBouncer): used instead of it, for everything. Session pooling needs none.',
    kind: optional(databaseUrl),
    example: '',
    secret: true,
  },
  REDIS_URL: {
    group: 'Queue',
    about:
      'redis://[user:password@]host:6379[/database]. Empty: queue, token and rate limit are kept in the same Postgres.',
    kind: optional(
      textThat(
        (value) => /^rediss?:\/\/[^/\s]+(\/\d+)?$/.test(value),
        'must look like redis://host:6379 (rediss:// for TLS)',
      ),
    ),
    example: '',
    secret: true,
  },
  SYNC_RESOURCES: {
    group: 'Sync',
    about:
      'Resources to pull, by type and comma separated (clients,projects). Empty: everything that is on by default.',
    kind: optional(listBy(',')),
    example: '',
  },
  SYNC_RATE: {
    group: 'Sync',
    about:
      'Rate limit in requests a second, of all workers together; 0 for no limit. ScopeStack publishes no figure, so the default is careful.',
    kind: orElse(5, number(0, 1000, false)),
    example: '5',
  },
  SYNC_CONCURRENCY: {
    group: 'Sync',
    about: 'Requests of one process in flight, at most. It finds by itself how many are of use, and begins with four.',
    kind: orElse(16, number(1, 64, true)),
    example: '16',
  },
  SYNC_SHARE_PAGES: {
    group: 'Sync',
    about: 'A list with so many pages left is read by all workers of start that are free; 0: by one of them.',
    kind: orElse(200, number(0, 1_000_000, true)),
    example: '200',
  },
  SYNC_PAGE_SIZE: {
    group: 'Sync',
    about: 'Records a page, at most 250. A size that the server refuses is lowered automatically.',
    kind: orElse(100, number(1, 250, true)),
    example: '100',
  },
  SYNC_DELETE_LIMIT: {
    group: 'Sync',
    about:
      'Percent of a table that may be missing from its list at once (five rows always may, all of them never); more is suspect, and nothing is deleted until a person allows it.',
    kind: orElse(20, number(0, 100, false)),
    example: '20',
  },
  SYNC_RECHECK_DAYS: {
    group: 'Sync',
    about:
      'Days for which a full read trusts an unchanged ETag; after them it transfers every page once and compares. 0: never trust it.',
    kind: orElse(7, number(0, 365, false)),
    example: '7',
  },
  SYNC_NEW_FIELDS: {
    group: 'Sync',
    about:
      'What becomes of members that no release describes yet: add makes columns of them, at the run after the one that found them; report leaves them in sync_extra. "columns" decides of each.',
    kind: orElse('add', oneOf(['add', 'report'], 'must be add or report')),
    example: 'add',
  },
  SYNC_PUSH: {
    group: 'Sync',
    about: 'Whether "start" sends local edits to ScopeStack: on or off. Off, they wait.',
    kind: orElse('on', oneOf(['on', 'off'], 'must be on or off')),
    example: 'on',
  },
  SYNC_CONFLICT: {
    group: 'Sync',
    about:
      'What happens where both sides changed the same field: park, remote-wins or local-wins, for everything, a resource or a field (clients=local-wins,projects.project-name=remote-wins).',
    kind: optional(text),
    example: 'park',
  },
  ...HISTORY_VARIABLES,
  SYNC_SCHEDULE: {
    group: 'Schedule',
    about: 'When "start" reads everything, as a cron pattern (an optional first field is seconds), or off.',
    kind: orElse('0 2 * * *', text),
    example: '0 2 * * *',
  },
  SYNC_INCREMENTAL_SCHEDULE: {
    group: 'Schedule',
    about:
      'When it reads only what has changed, by a pattern of the same form: projects and their children, surveys, documents.',
    kind: orElse('*/15 * * * *', text),
    example: '*/15 * * * *',
  },
  SYNC_TIMEZONE: {
    group: 'Schedule',
    about: 'Time zone of both patterns, by its IANA name (America/New_York).',
    kind: orElse('UTC', textThat(isTimeZone, 'must be the IANA name of a time zone, such as Europe/Berlin')),
    example: 'UTC',
  },
  SYNC_GRACE: {
    group: 'Schedule',
    about: 'Seconds from SIGTERM to the end of "start" at most. The supervisor must wait a little longer than that.',
    kind: orElse(30, number(1, 600, true)),
    example: '30',
  },
  SYNC_TAKEOVER: {
    group: 'Schedule',
    about:
      'Seconds until another worker takes over the work of a killed one, about. Less costs more requests to the queue.',
    kind: orElse(15, number(1, 600, true)),
    example: '15',
  },
  HTTP_HOST: {
    group: 'Process',
    about:
      'Interface on which "start" serves the dashboard, /healthz, /readyz and /metrics. 0.0.0.0 for a container whose port is published.',
    kind: orElse('127.0.0.1', text),
    example: '127.0.0.1',
  },
  HTTP_PORT: {
    group: 'Process',
    about: 'Its port; 0 for any free one, which the log then names. Left out, 8080, or a free one where that is taken.',
    kind: optional(number(0, 65_535, true)),
    example: '8080',
  },
  DASHBOARD_TOKEN: {
    group: 'Process',
    about:
      'What a person signs in to the dashboard with, at least 16 characters. Needed where HTTP_HOST is not this machine alone, and where a proxy on it leads here. Two, comma separated: who has the first may look, who has the second may act as well.',
    kind: optional(dashboardTokens),
    example: '',
    secret: true,
  },
  ...ALERT_VARIABLES,
  ...PROXY_VARIABLES,
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    group: 'Process',
    about:
      'Where "start" sends traces of its runs, as OTLP over HTTP: http://collector:4318. OTEL_EXPORTER_OTLP_HEADERS is read, too. Empty: nowhere.',
    kind: optional(textThat(isHttpAddress, 'must be an address such as http://collector:4318')),
    example: '',
  },
  LOG_LEVEL: {
    group: 'Process',
    about: `One of ${LOG_LEVELS.join(', ')}.`,
    kind: orElse('info', oneOf(LOG_LEVELS)),
    example: 'info',
  },
} satisfies Record<string, Variable>
