/**
 * The remote side in a process of its own: the simulator with a generated account, or with one long plain list, and beside it the
 * look-alike of Stripe with the same records. It ends with the process that started it.
 */
import { channel } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { startSimulator, type Simulator } from '../../src/simulator/server.ts'
import type { AccountOptions, FromRemote, ToRemote } from './remote.ts'
import { startStripe } from './stripe.ts'

export interface PlainRecord {
  readonly active: boolean
  readonly name: string
  readonly position: number
  readonly 'sow-language': string
}

const LANGUAGE = 'Every step is agreed with the client before it begins, and noted in the log of the project. '.repeat(
  4,
)

/** About 0.8 kB of JSON a record, and nothing that is included but the one account. */
const plainRecords = (count: number): PlainRecord[] =>
  Array.from({ length: count }, (_, index) => ({
    active: true,
    name: `Phase ${index + 1}`,
    position: index + 1,
    'sow-language': LANGUAGE,
  }))

const CHANGED_NAME = 'changed'

/** Changes every n-th record, from inside: over HTTP it would take longer than what is measured. */
function change(simulator: Simulator, types: readonly string[], every: number, round: number): number {
  let changed = 0
  for (const type of types) {
    for (const [index, { id }] of simulator.records.list(type).entries()) {
      if (index % every !== 0) continue
      const name = `${CHANGED_NAME} ${round} ${index}`
      simulator.records.update(type, id, {
        attributes: type === 'projects' ? { 'out-of-scope': name } : { name },
      })
      changed++
    }
  }
  return changed
}

const say = (message: FromRemote): void => void process.send!(message)

const options = JSON.parse(process.argv[2]!) as AccountOptions
const { projects = 1, plain = 0, clients = 0, stripe = false, reportsWrites = false } = options
const simulator = await startSimulator({ port: 0, projects, honest304: true })
const records = plainRecords(plain)
for (const attributes of records) simulator.records.create('phases', { attributes: { ...attributes } })
for (let n = 0; n < clients; n++) simulator.records.create('clients', { attributes: { name: `Client ${n}` } })
const lookAlike = stripe ? await startStripe(records, () => simulator.switches().latency) : undefined
if (reportsWrites) {
  channel('http.server.request.start').subscribe((message) => {
    const { method, url = '' } = (message as { request: IncomingMessage }).request
    if (method === 'PATCH') say({ written: url, at: performance.timeOrigin + performance.now() })
  })
}
process.once('disconnect', () => process.exit())
process.on('message', (message: ToRemote) => {
  if ('change' in message) {
    const { types, every, round } = message.change
    say({ changed: change(simulator, types, every, round) })
  } else if (message.counts === 'reset') {
    simulator.resetStats()
    lookAlike?.reset()
    say({ counted: null })
  } else {
    const { requests, statuses, bytesSent } = simulator.stats()
    const others = lookAlike?.counts() ?? { requests: 0, bytes: 0 }
    const own = Object.entries(requests).filter(([route]) => !route.includes('_control'))
    const sum = own.reduce((all, [, count]) => all + count, 0)
    say({
      counted: {
        requests: sum + others.requests,
        bytes: bytesSent + others.bytes,
        statuses,
        byRoute: Object.fromEntries(own),
      },
    })
  }
})
say({ url: simulator.url, stripeUrl: lookAlike?.url ?? null })
