import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { applySwitches } from './control/control.ts'
import { createSecretEcho } from './control/echo-secrets.ts'
import { createFaults, type Fault, type FaultInput } from './control/faults.ts'
import { renameAccount } from './control/rename-account.ts'
import { createScript, type ScriptRule } from './control/script.ts'
import { generate } from './generator/generate.ts'
import { createHandler } from './http/handler.ts'
import { models } from './model/models.ts'
import { createCodes } from './oauth/codes.ts'
import type { Credentials } from './oauth/token-endpoint.ts'
import { createTokens, type Tokens } from './oauth/tokens.ts'
import { createDocuments } from './read/documents.ts'
import { createSelection } from './read/selection.ts'
import { createRandom } from './records/random.ts'
import { Records } from './records/records.ts'
import { createStats, type StatsSnapshot } from './stats.ts'
import { switchesOf, type Profile, type Switches } from './switches.ts'
import { createChanges } from './write/changes.ts'
import { createProgress } from './write/progress.ts'
import { createRawRecords, type RawRecords } from './write/raw-records.ts'

export interface SimulatorOptions {
  /** 0: any free one */
  readonly port?: number
  readonly host?: string
  readonly projects?: number
  readonly seed?: number
  /** ms added to every API answer */
  readonly latency?: number
  readonly pageMax?: number
  readonly profile?: Profile
  readonly clientId?: string
  readonly clientSecret?: string
  readonly username?: string
  readonly password?: string
  /** the account's slug */
  readonly account?: string
  /** seconds; unset: 86400 or 7200 by grant */
  readonly tokenLifetime?: number
  /** address in links, when it is reached by another name than host and port */
  readonly publicUrl?: string
  /** the clock of tokens and of `updated-at`; the generated data does not depend on it */
  readonly now?: () => number
}

/** The same things that the control API does, without HTTP. */
export interface Simulator {
  readonly url: string
  readonly port: number
  readonly credentials: Credentials
  /** numeric account-id of /v1/me */
  readonly accountId: number
  stats(): StatsSnapshot
  resetStats(): void
  addFault(input: FaultInput): Fault
  faults(): Fault[]
  removeFault(id?: string): boolean
  switches(): Readonly<Switches>
  setSwitches(changes: Partial<Switches>): void
  /** Every one that was sent to it or issued by it so far. */
  secrets(): readonly string[]
  revokeTokens(which?: Parameters<Tokens['revoke']>[0]): number
  readonly records: RawRecords
  /** the account's slug is another from now on: in every address, and as the id of what names the account */
  renameAccount(slug: string): void
  addScript(
    line: Pick<ScriptRule, 'do'> & {
      readonly when: { readonly type: string; readonly page?: number }
      readonly once?: boolean
      readonly at?: ScriptRule['at']
    },
  ): ScriptRule
  clearScripts(): void
  close(): Promise<void>
}

const accountId = 1001

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const seed = options.seed ?? 1
  const now = options.now ?? Date.now
  const host = options.host ?? '127.0.0.1'
  const credentials: Credentials = {
    clientId: options.clientId ?? 'simulator',
    clientSecret: options.clientSecret ?? 'simulator-secret',
    username: options.username ?? 'sync@simulator.test',
    password: options.password ?? 'simulator-password',
    account: options.account ?? 'demo',
  }
  const switches = switchesOf(options.profile ?? 'help-pages')
  Object.assign(switches, {
    latency: options.latency ?? 0,
    tokenLifetime: options.tokenLifetime ?? null,
    ...(options.pageMax === undefined ? {} : { pageMax: options.pageMax }),
  })

  const records = new Records(models.values())
  const account = { id: accountId, slug: credentials.account, userId: '50001', email: credentials.username }
  generate(records, { seed, projects: options.projects ?? 60, account })

  let origin = options.publicUrl ?? ''
  const apiBase = (): { origin: string; slug: string } => ({ origin, slug: account.slug })
  const changes = createChanges({ records, switches, now })
  const world = { records, changes, switches, account, apiBase, seed, now }
  const tokens = createTokens({
    now,
    subject: { id: account.userId, email: account.email, account: account.slug },
    switches,
  })
  const raw = createRawRecords({ records, changes, now })
  const faults = createFaults(createRandom(seed + 7))
  const stats = createStats(records)
  const script = createScript(raw)
  const secretEcho = createSecretEcho({ switches, credentials })
  const closing = new AbortController()
  const handle = createHandler({
    ...world,
    models,
    tokens,
    faults,
    stats,
    script,
    raw,
    credentials,
    codes: createCodes({ now }),
    secretEcho,
    progress: createProgress(),
    documents: createDocuments(world),
    select: createSelection({ records, switches, seed }),
    instance: randomUUID(),
    closing: closing.signal,
  })

  const server = createServer(
    { keepAliveTimeout: 30_000, requestTimeout: 60_000 },
    (request: IncomingMessage, response: ServerResponse) => {
      // a client that goes away mid-way is no failure of ours
      response.on('error', () => undefined)
      void handle(request, response)
    },
  )
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    else socket.destroy()
  })
  const port = await listen(server, options.port ?? 0, host)
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${String(port)}`
  if (origin === '') origin = url

  return {
    url,
    port,
    credentials,
    accountId,
    stats: () => stats.snapshot(),
    resetStats: () => {
      stats.reset()
    },
    addFault: (input) => faults.add(input),
    faults: () => faults.list(),
    removeFault: (id) => faults.remove(id),
    switches: () => switches,
    setSwitches: (changed) => {
      applySwitches({ switches, records }, changed)
    },
    secrets: () => secretEcho.secrets(),
    revokeTokens: (which = {}) => tokens.revoke(which),
    records: raw,
    renameAccount: (slug) => {
      renameAccount(world, slug)
    },
    addScript: (line) =>
      script.add({
        do: line.do,
        when: { type: line.when.type, page: line.when.page ?? null },
        once: line.once ?? true,
        at: line.at ?? 'before',
      }),
    clearScripts: () => {
      script.clear()
    },
    close: () =>
      new Promise((resolve) => {
        closing.abort()
        server.close(() => {
          resolve()
        })
        // kept-alive, stalled and delayed connections would hold it open
        server.closeAllConnections()
      }),
  }
}

function listen(server: ReturnType<typeof createServer>, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}
