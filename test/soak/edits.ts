/** People on both sides: what they make they take away again, so that the account stays as large as it was. */
import { randomUUID } from 'node:crypto'
import { createRandom } from '../../src/simulator/records/random.ts'
import type { World } from './world.ts'

/** Records that a side has added and not yet removed. */
const MOST_ADDED = 30

export interface Editors {
  edit(): Promise<void>
  made(): number
}

export function createEditors({ sim, sql }: World, seed: number): Editors {
  const random = createRandom(seed)
  const added: { type: string; id: string }[] = []
  let made = 0
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)]!
  const attributesOf: Readonly<Record<string, () => Record<string, unknown>>> = {
    clients: () => ({ name: `remote ${randomUUID()}` }),
    vendors: () => ({ name: `remote ${randomUUID()}` }),
    projects: () => ({ 'out-of-scope': randomUUID() }),
    'project-services': () => ({ name: `remote ${randomUUID()}` }),
  }

  /** A record that has just been removed is none: then the next edit is another one. */
  function remotely(): void {
    const type = pick(Object.keys(attributesOf))
    const what = random.next()
    if (what < 0.15 && added.length < MOST_ADDED) {
      const kind = pick(['clients', 'vendors'])
      added.push({ type: kind, id: sim.records.create(kind, { attributes: attributesOf[kind]!() }).id })
    } else if (what < 0.3 && added.length > 0) {
      const [gone] = added.splice(Math.floor(random.next() * added.length), 1)
      sim.records.remove(gone!.type, gone!.id)
    } else {
      const list = sim.records.list(type)
      sim.records.update(type, pick(list).id, { attributes: attributesOf[type]!() })
    }
  }

  async function locally(): Promise<void> {
    const name = `local ${randomUUID()}`
    const what = random.next()
    if (what < 0.1) {
      await sql`insert into scopestack.vendors (name) values (${name})`
      return
    }
    const table = pick(['clients', 'vendors'])
    const row = sql`(select id from scopestack.${sql(table)} where sync_deleted_at is null order by random() limit 1)`
    await sql`update scopestack.${sql(table)} set name = ${name} where id = ${row}`
  }

  return {
    made: () => made,
    async edit() {
      if (random.next() < 0.5) remotely()
      else await locally()
      made++
      await clearAway(sim)
    },
  }
}

/** Vendors that were made here can be deleted only there. */
async function clearAway({ records }: World['sim']): Promise<void> {
  const ours = records.list('vendors').filter(({ attributes }) => String(attributes['name']).startsWith('local '))
  if (ours.length > MOST_ADDED) records.remove('vendors', ours[0]!.id)
}
