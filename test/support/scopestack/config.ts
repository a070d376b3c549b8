/** The settings of a worker in tests; without Vitest, so that a process of its own may import them, too. */
import type { Config } from '../../../src/config/config.ts'
import { DEFAULT_HISTORY } from '../../../src/config/history.ts'
import { RETRY } from '../../../src/remote/http/retry.ts'

/** The ScopeStack of a worker: a simulator, or a proxy in front of one. */
export interface Remote {
  url: string
  credentials: { clientId: string; clientSecret: string }
}

/** As many attempts as the real one, without its pauses. */
export const QUICKLY = { attempts: RETRY.attempts, baseMs: 4, capMs: 100 }

export const configFor = ({ url, credentials }: Remote, databaseUrl: string, changes: Partial<Config>): Config => ({
  clientId: credentials.clientId,
  clientSecret: credentials.clientSecret,
  grant: 'client_credentials',
  username: undefined,
  password: undefined,
  authUrl: url,
  apiUrl: url,
  databaseUrl,
  resources: undefined,
  rate: 0,
  concurrency: 4,
  sharePages: 200,
  pageSize: 100,
  deleteLimit: 20,
  recheckDays: 7,
  // A test that is about something else says what stands in sync_extra, after one run and after two.
  newFields: 'report',
  redisUrl: undefined,
  history: DEFAULT_HISTORY,
  historyDays: 0,
  schedule: 'off',
  incrementalSchedule: 'off',
  timezone: 'UTC',
  graceSeconds: 10,
  takeoverSeconds: 2,
  httpHost: '127.0.0.1',
  httpPort: 0,
  alerts: { webhookUrl: undefined, webhookSecret: undefined, mail: undefined, editMinutes: 0 },
  dashboardTokens: undefined,
  proxy: undefined,
  otlpEndpoint: undefined,
  logLevel: 'silent',
  push: 'on',
  conflict: undefined,
  production: false,
  ...changes,
})
