/**
 * The remote side in a process of its own: the simulator with a generated account, or with one long plain list. It ends with the
 * process that started it.
 */
import { startSimulator, type Simulator } from '../../src/simulator/server.ts'
import type { AccountOptions } from './remote.ts'

/** About 0.8 kB of JSON a record, and nothing that is included but the one account. */
function addPlainRecords(simulator: Simulator, count: number): void {
  const language =
    'Every step is agreed with the client before it begins, and noted in the log of the project. '.repeat(4)
  for (let position = 1; position <= count; position++) {
    const attributes = { active: true, name: `Phase ${position}`, position, 'sow-language': language }
    simulator.records.create('phases', { attributes })
  }
}

function addClients(simulator: Simulator, count: number): void {
  for (let n = 0; n < count; n++) simulator.records.create('clients', { attributes: { name: `Client ${n}` } })
}

const { projects = 1, plain = 0, clients = 0 } = JSON.parse(process.argv[2]!) as AccountOptions
const simulator = await startSimulator({ port: 0, projects, honest304: true })
addPlainRecords(simulator, plain)
addClients(simulator, clients)
process.once('disconnect', () => process.exit())
process.send!({ url: simulator.url })
