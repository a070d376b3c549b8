/** The operations of the fault matrix: what is there before, where they can be struck, and what holds once they are done. */
import { expect } from 'vitest'
import type { Simulator } from '../../../src/simulator/server.ts'
import { makeDue, readChanges } from '../tables/outbox.ts'
import { readRuns } from '../tables/runs.ts'
import type { OperationName } from './names.ts'
import type { World } from './world.ts'

type Match = NonNullable<Parameters<Simulator['addFault']>[0]['match']>

/** Several pages of the first, one of each of the others; children of projects among them. */
const READ = ['clients', 'projects', 'project-phases']

export interface Operation {
  readonly name: OperationName
  /** The resources that it concerns. */
  readonly types: readonly string[]
  /** The request by which it is known. */
  readonly asks: Match
  /** A session that writes for it waits for the table while another has it in this mode: what it wrote before is not committed. */
  readonly writes: { readonly table: string; readonly mode: 'share' | 'share row exclusive' }
  readonly prepare: (world: World) => Promise<void>
  /** What is to be done before it is repeated, as time does it otherwise. */
  readonly again?: (world: World) => Promise<void>
  /** Beside the invariants. */
  readonly done?: (world: World) => Promise<void> | void
}

const CHECKPOINT = { table: 'sync.cursors', mode: 'share row exclusive' } as const
const FIRST_PAGES: Match = { method: 'GET', type: 'clients' }

async function readAll(world: World): Promise<void> {
  expect(await world.perform('first pull')).toBe('ok')
}

function change({ records }: Simulator): void {
  // Not the name of a client: projects repeat it, and no time of change tells.
  records.create('clients', { attributes: { name: 'Came' } })
  const [project] = records.list('projects')
  records.update('projects', project!.id, { attributes: { 'project-name': 'Changed' } })
}

async function readAndChange(world: World): Promise<void> {
  await readAll(world)
  change(world.sim)
}

function remove({ records }: Simulator): void {
  records.remove('clients', records.list('clients')[3]!.id)
  const phase = records.list('project-phases')[0]
  if (phase !== undefined) records.remove('project-phases', phase.id)
}

/** An edit is sent after pauses and lookups, which a test does not wait for. */
const due = async ({ sql }: World): Promise<void> => void (await makeDue(sql, 100))

const push = (
  name: OperationName,
  {
    method,
    type,
    edit,
    done,
  }: { method: string; type: string; edit: (world: World) => Promise<unknown>; done: Operation['done'] },
): Operation => ({
  name,
  types: [type],
  asks: { method, type },
  writes: { table: `scopestack.${type.replaceAll('-', '_')}`, mode: 'share' },
  async prepare(world) {
    await readAll(world)
    await edit(world)
    world.made.changes = 1
  },
  again: due,
  async done(world) {
    const changes = await readChanges(world.sql, ['state', 'code'])
    expect(changes).toHaveLength(1)
    expect(['sent', 'superseded'], JSON.stringify(changes)).toContain(changes[0]!.state)
    await done?.(world)
  },
})

const named = ({ sim }: World, type: string, name: string) =>
  sim.records.list(type).filter(({ attributes }) => attributes['name'] === name)

export const OPERATIONS: Readonly<Partial<Record<OperationName, Operation>>> = {
  'first pull': {
    name: 'first pull',
    types: READ,
    asks: FIRST_PAGES,
    writes: CHECKPOINT,
    // The worker and its connections are there.
    prepare: async (world) => expect(await world.perform('token')).toBe('ok'),
  },
  'unchanged pull': { name: 'unchanged pull', types: READ, asks: FIRST_PAGES, writes: CHECKPOINT, prepare: readAll },
  'detection of deletes': {
    name: 'detection of deletes',
    types: READ,
    asks: FIRST_PAGES,
    writes: CHECKPOINT,
    async prepare(world) {
      await readAll(world)
      remove(world.sim)
    },
    async done({ sql }) {
      const [row] = await sql`select count(*)::int as n from scopestack.clients where sync_deleted_at is not null`
      expect(row).toEqual({ n: 1 })
    },
  },
  incremental: {
    name: 'incremental',
    types: READ,
    asks: FIRST_PAGES,
    writes: CHECKPOINT,
    prepare: readAndChange,
  },
  backfill: {
    name: 'backfill',
    types: READ,
    asks: FIRST_PAGES,
    writes: CHECKPOINT,
    prepare: readAndChange,
    async done({ sql }) {
      const open = await readRuns(sql, ['id', 'finishedAt'], { kind: 'backfill' })
      expect(open.filter(({ finishedAt }) => finishedAt === null)).toEqual([])
    },
  },
  'push of a new row': push('push of a new row', {
    method: 'POST',
    type: 'vendors',
    edit: ({ sql, made }) => {
      made.rows.push({ type: 'vendors', name: 'Once' })
      return sql`insert into scopestack.vendors (name, city) values ('Once', 'Here')`
    },
    done: (world) => expect(named(world, 'vendors', 'Once')).toHaveLength(1),
  }),
  'push of an edit': push('push of an edit', {
    method: 'PATCH',
    type: 'vendors',
    edit: ({ sql, sim }) =>
      sql`update scopestack.vendors set city = 'Edited' where id = ${sim.records.list('vendors')[0]!.id}`,
    done: ({ sim }) =>
      expect(sim.records.list('vendors').filter(({ attributes }) => attributes['city'] === 'Edited')).toHaveLength(1),
  }),
  'push of a deletion': push('push of a deletion', {
    method: 'DELETE',
    type: 'crm-opportunities',
    edit: ({ sql, sim, made }) => {
      const { id } = sim.records.list('crm-opportunities')[0]!
      made.gone.push({ type: 'crm-opportunities', id })
      return sql`delete from scopestack.crm_opportunities where id = ${id}`
    },
    done: ({ sim, made }) => expect(sim.records.read('crm-opportunities', made.gone[0]!.id)).toBeNull(),
  }),
  token: {
    name: 'token',
    types: ['clients'],
    asks: { path: '/oauth/token' },
    writes: { table: 'sync.tokens', mode: 'share' },
    async prepare(world) {
      await world.perform('first pull')
      world.sim.revokeTokens()
    },
    async again(world) {
      world.sim.revokeTokens()
      await world.endCoolDown()
    },
  },
}
