/** The way back, for the demo: a row edited with SQL, what arrived, and what the outbox says of it. */
import { openPusher, type Worker } from '../../assemble/worker.ts'
import type { Simulator } from '../../simulator/server.ts'
import { push } from '../../sync/push/push.ts'
import { textTable } from '../output/format.ts'

const DOMAIN = 'edited-with-sql.example'

export async function showEdit(worker: Worker, remote: Simulator, signal: AbortSignal): Promise<string[]> {
  const { sql } = worker
  const [client] = await sql<{ id: string }[]>`select id from scopestack.clients where active order by name limit 1`
  if (client === undefined) return []
  const { id } = client
  await sql`update scopestack.clients set domain = ${DOMAIN} where id = ${id}`
  remote.resetStats()
  const pusher = openPusher(worker, { conflict: undefined })
  await push(pusher, { signal, onResult: () => {} })
  const requests = Object.entries(remote.stats().requests).filter(([route]) => route.includes('/clients'))
  const held = remote.records.read('clients', id)?.attributes['domain']
  const changes = await sql<{ id: number; op: string; record: string; state: string }[]>`
    select id::int, op, resource || ' ' || record_id as record, state from sync.outbox order by id`
  return [
    '',
    'A local edit, carried back',
    '',
    `  update scopestack.clients set domain = '${DOMAIN}' where id = '${id}'`,
    '',
    ...textTable([['request to ScopeStack', 'times'], ...requests]),
    '',
    `  There, the client's domain is now ${String(held)}. The outbox:`,
    '',
    ...textTable([
      ['change', 'op', 'record', 'state'],
      ...changes.map((one) => [String(one.id), one.op, one.record, one.state]),
    ]),
  ]
}
