/**
 * Buries the rows whose record a whole list no longer holds, behind three locks (S6): the list was proved whole; they are
 * few, by their share of the table; and each, asked for by its own address, is not found. One that answers all the same is
 * loaded instead.
 */
import type { Client } from '../remote/client.ts'
import type { Resource } from '../resource.ts'
import { FOLLOWED, noteChanged } from '../store/changed-parents.ts'
import type { Database } from '../store/database.ts'
import { confirmLease, type Lease } from '../store/leases.ts'
import type { Mirror } from '../store/mirror.ts'
import type { Outcome } from '../store/runs.ts'
import { bury, findUnmet, saveSweptTo, someMet } from '../store/tombstones.ts'
import { askerOf, isHeard } from './ask.ts'
import type { Question } from './question.ts'
import { reconnecting } from './reconnect.ts'

interface Deps {
  readonly sql: Database
  readonly client: Client
  readonly slug: string
  readonly concurrency: number
  readonly deleteLimit: number
}

interface Options {
  readonly resource: Resource
  readonly question: Question
  readonly lease: Lease
  readonly mirror: Mirror
  readonly allowMassDelete: boolean
  readonly signal: AbortSignal
}

export interface Swept {
  readonly deleted: number
  /** Null when it says nothing against the list. */
  readonly outcome: { readonly outcome: Outcome; readonly message: string } | null
  /** What is worth knowing all the same. */
  readonly message?: string | null
}

const hiddenMessage = (count: number): string =>
  `${count} of its rows are not in the list though their records are there: the list hides them. They were brought up to date.`

/** So few are buried whatever their share: of a table with three rows one would be a third. */
const ALWAYS = 5
/** Each costs a request: a run that found more goes on with them the next time. */
export const AT_ONCE = 1000

export async function sweep(deps: Deps, options: Options): Promise<Swept> {
  const { sql, deleteLimit } = deps
  const { resource, question, lease, allowMassDelete, signal } = options
  const { type, table } = resource
  if (question.read.from === 'singleton') return { deleted: 0, outcome: null }
  const limit = allowMassDelete ? Number.MAX_SAFE_INTEGER : AT_ONCE
  const { ids, count, living } = await reconnecting(() => findUnmet(sql, type, table, limit), signal)
  if (count === 0) return { deleted: 0, outcome: null }
  const suspect = allowMassDelete ? null : suspicion({ type, count, living, deleteLimit })
  if (suspect !== null) return { deleted: 0, outcome: { outcome: 'suspect', message: suspect } }
  const known = await reconnecting(() => someMet(sql, type, table), signal)
  const { deleted, unsure, living: hidden } = await confirmAndBury(deps, { ...options, known }, ids)
  const left = count - ids.length
  const goOn = () =>
    sql.begin(async (tx) => {
      await confirmLease(tx, lease)
      await saveSweptTo(tx, type, left > 0 ? (ids.at(-1) ?? null) : null)
    })
  await reconnecting(goOn, signal)
  if (unsure > 0) {
    const message = `${unsure} of its rows are missing from the list, and asking for them by their own address did not settle whether they are deleted. They are kept.`
    return { deleted, outcome: { outcome: 'incomplete', message } }
  }
  if (left === 0) return { deleted, outcome: null, message: hidden === 0 ? null : hiddenMessage(hidden) }
  const message = `${left} more rows are missing from the list; the next run asks for them one by one. They are kept until then.`
  return { deleted, outcome: { outcome: 'incomplete', message } }
}

/** Why so many are not believed to be deleted; null when they may be. */
export function suspicion(found: { type: string; count: number; living: number; deleteLimit: number }): string | null {
  const { type, count, living, deleteLimit } = found
  if (count < living && count <= Math.max(ALWAYS, (living * deleteLimit) / 100)) return null
  return (
    `${count === living ? 'All' : `${count}`} of its ${living} rows are missing from the list, more than may be at once ` +
    `(${deleteLimit} %). Nothing was deleted. If that is right, run: pull --full --allow-mass-delete ${type}`
  )
}

interface Confirming extends Omit<Options, 'allowMassDelete'> {
  /** Some records that were met a moment ago. */
  readonly known: readonly string[]
}

/** @returns how many were buried, and of how many nothing could be learned. */
export async function confirmAndBury(
  { sql, client, slug, concurrency }: Omit<Deps, 'deleteLimit'>,
  { resource, question, lease, mirror, signal, known }: Confirming,
  ids: readonly string[],
): Promise<{ deleted: number; unsure: number; living: number }> {
  const ask = askerOf({ client, slug, resource, question, signal })
  // With nothing known, only a list of its own makes it likely that its records have an address.
  const heard = known.length > 0 ? await isHeard(ask, known) : question.read.from === 'list'
  if (!heard) return { deleted: 0, unsure: ids.length, living: 0 }

  let deleted = 0
  let unsure = 0
  let alive = 0
  for (let start = 0; start < ids.length; start += concurrency) {
    const some = ids.slice(start, start + concurrency)
    const answers = await Promise.all(some.map(ask))
    const gone = some.filter((_, index) => answers[index] === 'gone')
    const living = answers.flatMap((answer) => (typeof answer === 'string' ? [] : answer))
    unsure += answers.filter((answer) => answer === 'unsure').length
    alive += some.length - gone.length - answers.filter((answer) => answer === 'unsure').length
    const write = () =>
      sql.begin(async (tx) => {
        await confirmLease(tx, lease)
        if (living.length > 0) {
          const { written, left } = await mirror.loadOneByOne(tx, living)
          await noteChanged(tx, resource.type, resource.type === FOLLOWED ? [...written, ...left] : [])
        }
        return await bury(tx, resource, gone)
      })
    deleted += await reconnecting(write, signal)
  }
  return { deleted, unsure, living: alive }
}
