/**
 * "simulator": the simulated ScopeStack of tests and demo, as a server to try things with; prints the settings that lead to it.
 */
import { once } from 'node:events'
import { usage } from '../errors/commands.ts'
import { EXIT } from '../errors/sync-error.ts'
import { stdout } from '../screen/streams.ts'
import { startSimulator } from '../simulator/server.ts'
import { wholeNumber, type Call } from './verb.ts'

export async function run({ options, signal }: Call): Promise<number> {
  const profile = options['profile'] ?? 'help-pages'
  if (profile !== 'help-pages' && profile !== 'library') {
    throw usage(`--profile is help-pages or library, not "${String(profile)}".`)
  }
  const given = {
    projects: wholeNumber(options, 'projects'),
    seed: wholeNumber(options, 'seed'),
    latency: wholeNumber(options, 'latency'),
    pageMax: wholeNumber(options, 'pageMax', 1),
    honest304: options['honest304'] === true,
  }
  const port = wholeNumber(options, 'port') ?? 4010
  if (port > 65_535) throw usage(`--port is at most 65535, not ${port}.`)
  const running = await startSimulator({ port, profile, ...definedOnly(given) }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw usage(`Port ${port} is taken by another program. Choose one with --port, or --port 0 for any free one.`)
    }
    throw error
  })
  const { clientId, clientSecret } = running.credentials
  stdout.say([
    `A simulated ScopeStack account answers at ${running.url} until Ctrl-C.`,
    '',
    `  SCOPESTACK_AUTH_URL=${running.url}`,
    `  SCOPESTACK_API_URL=${running.url}`,
    `  SCOPESTACK_CLIENT_ID=${clientId}`,
    `  SCOPESTACK_CLIENT_SECRET=${clientSecret}`,
    '',
    `Requests so far: ${running.url}/_control/stats`,
  ])
  if (!signal.aborted) await once(signal, 'abort')
  await running.close()
  return EXIT.ok
}

type Defined<T> = { [K in keyof T]?: NonNullable<T[K]> }

const definedOnly = <T extends object>(values: T): Defined<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>
