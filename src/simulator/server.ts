/** Starts the simulator: an HTTP server with a generated account, and methods that do what the control API does. */
import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { applySwitches, renameAccount, type ControlDeps } from './control/control.ts'
import { createSecretEcho, type SecretEcho } from './control/echo-secrets.ts'
import { createFaults, type Fault, type FaultInput } from './control/faults.ts'
import { createScript, type ScriptRule } from './control/script.ts'
import { generate } from './generator/generate.ts'
import { createHandler } from './http/handler.ts'
import { createLoad } from './http/load.ts'
import { models } from './model/models.ts'
import { createCodes } from './oauth/codes.ts'
import type { Credentials } from './oauth/token-endpoint.ts'
import { createTokens, type Tokens } from './oauth/tokens.ts'
import { createDocuments, type ApiBase } from './read/documents.ts'
import { createSelection } from './read/selection.ts'
import { createRandom } from './records/random.ts'
import { Records } from './records/records.ts'
import { createStats, type StatsSnapshot } from './stats.ts'
import { switchesOf, type Profile, type Switches } from './switches.ts'
import { createChanges } from './write/changes.ts'
import { createProgress } from './write/progress.ts'
import { createRawRecords, type RawRecords } from './write/raw-records.ts'

// Not by import (http-server.ts).
const { createServer } = process.getBuiltinModule('node:http')

export interface SimulatorOptions {
  /** 0: any free one */
  readonly port?: number
  readonly host?: string
  readonly projects?: number
  readonly seed?: number
  /** ms added to every API response */
  readonly latency?: number
  readonly pageMax?: number
  /** a 304 only after its page was built */
  readonly honest304?: boolean
  readonly profile?: Profile
  readonly clientId?: string
  readonly clientSecret?: string
  readonly username?: string
  readonly password?: string
  /** the account's slug */
  readonly account?: string
  /** seconds; unset: 86400 or 7200 by grant */
  readonly tokenLifetime?: number
  /** origin in links, if clients reach it by another name than host and port */
  readonly publicUrl?: string
  /** the clock of tokens and of `updated-at`; the generated data does not depend on it */
  readonly now?: () => number
}

/** A running simulator: the methods do what the control API does, without HTTP. */
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
  /** all that were sent to it or issued by it so far */
  secrets(): readonly string[]
  revokeTokens(which?: Parameters<Tokens['revoke']>[0]): number
  readonly records: RawRecords
  /** gives the account another slug, in every address and in every linkage that holds it */
  renameAccount(slug: string): void
  addScript(
    rule: Pick<ScriptRule, 'do'> & {
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
  const credentials = credentialsOf(options)
  const switches = initialSwitches(options)

  const records = new Records(models.values())
  const account = { id: accountId, slug: credentials.account, userId: '50001', email: credentials.username }
  generate(records, { seed, projects: options.projects ?? 60, account })

  let origin = options.publicUrl ?? ''
  const apiBase = (): ApiBase => ({ origin, slug: account.slug })
  const changes = createChanges({ records, switches, now })
  const world = { records, changes, switches, account, apiBase, seed, now }
  const raw = createRawRecords({ records, changes, now })
  const subject = { id: account.userId, email: account.email, account: account.slug }
  const parts = {
    ...world,
    models,
    credentials,
    raw,
    tokens: createTokens({ now, subject, switches }),
    faults: createFaults(createRandom(seed + 7)),
    stats: createStats(records),
    script: createScript(raw),
    codes: createCodes({ now }),
    secretEcho: createSecretEcho({ switches, credentials }),
    progress: createProgress(),
    load: createLoad({ switches }),
    documents: createDocuments(world),
    select: createSelection(world),
    instance: randomUUID(),
  }

  const closing = new AbortController()
  const server = createHttpServer(createHandler({ ...parts, closing: closing.signal }))
  const port = await listen(server, options.port ?? 0, host)
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${String(port)}`
  if (origin === '') origin = url
  return { url, port, credentials, accountId, ...controls(parts), close: () => close(server, closing) }
}

function credentialsOf(options: SimulatorOptions): Credentials {
  const {
    clientId = 'simulator',
    clientSecret = 'simulator-secret',
    username = 'sync@simulator.test',
    password = 'simulator-password',
    account = 'demo',
  } = options
  return { clientId, clientSecret, username, password, account }
}

function initialSwitches({ profile = 'help-pages', ...options }: SimulatorOptions): Switches {
  const switches = switchesOf(profile)
  const { latency = 0, tokenLifetime = null, pageMax = switches.pageMax, honest304 = switches.honest304 } = options
  return { ...switches, latency, tokenLifetime, pageMax, honest304 }
}

interface Parts extends ControlDeps {
  readonly secretEcho: SecretEcho
}

/** The control API without HTTP. */
function controls(parts: Parts): Omit<Simulator, 'url' | 'port' | 'credentials' | 'accountId' | 'close'> {
  const { stats, faults, script, tokens, switches, secretEcho, raw } = parts
  return {
    stats: () => stats.snapshot(),
    resetStats: () => {
      stats.reset()
    },
    addFault: (input) => faults.add(input),
    faults: () => faults.list(),
    removeFault: (id) => faults.remove(id),
    switches: () => switches,
    setSwitches: (changes) => {
      applySwitches(parts, changes)
    },
    secrets: () => secretEcho.secrets(),
    revokeTokens: (which = {}) => tokens.revoke(which),
    records: raw,
    renameAccount: (slug) => {
      renameAccount(parts, slug)
    },
    addScript: ({ when, do: steps, once = true, at = 'before' }) =>
      script.add({ do: steps, when: { type: when.type, page: when.page ?? null }, once, at }),
    clearScripts: () => {
      script.clear()
    },
  }
}

function createHttpServer(handle: ReturnType<typeof createHandler>): Server {
  const server = createServer({ keepAliveTimeout: 30_000, requestTimeout: 60_000 }, (incoming, outgoing) => {
    // a client that disconnects half-way is not a failure of the simulator
    outgoing.on('error', () => undefined)
    void handle(incoming, outgoing)
  })
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    else socket.destroy()
  })
  return server
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function close(server: Server, closing: AbortController): Promise<void> {
  return new Promise((resolve) => {
    closing.abort()
    server.close(() => {
      resolve()
    })
    // kept-alive, stalled and delayed connections would hold it open
    server.closeAllConnections()
  })
}
