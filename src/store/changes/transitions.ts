/**
 * The states of a change, and what may become of it. Every write of `state` names an event of this table (`writes.ts`), so
 * what is not in it does not happen, whatever the code around it does.
 *
 *                    edit ──capture──► waiting ◄───────────── retry ──────────────┐
 *                      coalesce,         │                                        │
 *        superseded ◄─ obsolete ─────────┤ depart            refuse, park         │
 *             ▲                          ▼                 ┌──────────────────► parked
 *             │         ┌───────────► in_flight ───────────┤                      ▲
 *             │  depart │  unsend ◄──────┤                 │ settle               │ vanish: the new
 *             │         │           lose │                 └──────► sent          │ record is gone
 *         obsolete      │                ▼                            ▲           │
 *             └──────── └──────────── lost ── answer, settle ────► answered ──────┘
 *                                        │                         ▲ ▲      │ strand
 *                                 doubt  ▼    answer               │ │      ▼
 *      in_flight ─ accept ─► accepted ──► unknown ─ retry ► waiting  └─ unsettled (retry)
 *
 *   waiting      no request of it has left, or what left certainly did not arrive
 *   in_flight    its request is being sent, by the holder of the lease `push`
 *   lost         a request left, and its response is not known: ScopeStack is read before anything is sent again
 *   accepted     of a create: ScopeStack reports it as done, and not as which record. It is looked for, and never sent again
 *   answered     the response is stored, and the row is not settled with it yet: nothing is sent again
 *   sent         ScopeStack has it
 *   superseded   it went into a newer change, or nothing was left to send
 *   parked       a person decides; it is not in ScopeStack
 *   unknown      of a create: a person decides, and it may be in ScopeStack
 *   unsettled    of a create: a person decides; it is in ScopeStack, and its row cannot take the id
 *   discarded    a person gave it up
 *
 * That a worker has it in hand is no state: one process pushes at a time, and what it has not sent yet anyone may still
 * discard or edit. A holder that is killed leaves `in_flight`, which the next holder makes `lost` before it begins.
 */
import type { Write } from '../../catalog/resource.ts'
import { STATES, type State } from './states.ts'

/**
 * `coalesce`: its values go into a newer change · `depart`: its request leaves now · `unsend`: the request did not arrive,
 * and none before it · `lose`: its response will not come · `accept`: done, without a record · `answer`: the response is
 * stored · `settle`: the row is as ScopeStack has it · `obsolete`: nothing is left to send · `refuse`: ScopeStack applied
 * nothing · `park`: a person decides, and no request of it may have made a record · `doubt`: the same, and one may have ·
 * `strand`: the same, and one has · `vanish`: the record it made is gone · `postpone`: it is tried again later · `retry`,
 * `discard`: commands of a person.
 */
export const EVENTS = [
  'coalesce',
  'depart',
  'unsend',
  'lose',
  'accept',
  'answer',
  'settle',
  'obsolete',
  'refuse',
  'park',
  'doubt',
  'strand',
  'vanish',
  'postpone',
  'retry',
  'discard',
] as const
export type Event = (typeof EVENTS)[number]

/** Why nothing becomes of it, as the end of a sentence that begins with the change. */
type No = `it ${string}`
/** Edits are updates and deletions, which may be sent twice without harm. */
type Cell = State | No | { readonly edit: State | No; readonly create: State | No }

const UNSENT: No = 'it has not left yet'
const LEFT: No = 'it was sent already'
const FLIES: No = 'it is being sent just now'
const CREATE: No = 'it is no new row'
const SOUGHT: No = 'it was sent, and its outcome is being looked up'
const RESPONDED: No = 'it has its response already'
const PERSON: No = 'it waits for a person'
const [SENT, SUPERSEDED, DISCARDED] = ['it is sent', 'it is superseded', 'it is discarded'] as const

const edit = (state: State, otherwise: No): Cell => ({ edit: state, create: otherwise })
const create = (state: State, otherwise: No = CREATE): Cell => ({ edit: otherwise, create: state })

/** Of a state from which nearly nothing happens any more. */
const rejectAll = (why: No): Record<Event, Cell> =>
  Object.fromEntries(EVENTS.map((event) => [event, why])) as Record<Event, No>

/** A state or an event that is added and not decided does not compile. */
const TRANSITIONS = {
  waiting: {
    coalesce: 'superseded',
    depart: 'in_flight',
    unsend: UNSENT,
    lose: UNSENT,
    accept: UNSENT,
    answer: UNSENT,
    // A deletion of what is gone already.
    settle: edit('sent', UNSENT),
    obsolete: edit('superseded', UNSENT),
    refuse: UNSENT,
    park: 'parked',
    doubt: UNSENT,
    strand: UNSENT,
    vanish: UNSENT,
    postpone: 'waiting',
    retry: 'waiting',
    discard: 'discarded',
  },
  in_flight: {
    coalesce: LEFT,
    // The same request once more, after a 429.
    depart: 'in_flight',
    unsend: 'waiting',
    lose: 'lost',
    accept: create('accepted'),
    answer: 'answered',
    // The id of a new record is stored before anything else.
    settle: edit('sent', LEFT),
    obsolete: edit('superseded', LEFT),
    refuse: 'parked',
    park: edit('parked', SOUGHT),
    doubt: create('unknown'),
    strand: SOUGHT,
    vanish: SOUGHT,
    postpone: 'lost',
    retry: FLIES,
    discard: FLIES,
  },
  lost: {
    coalesce: LEFT,
    depart: 'in_flight',
    unsend: LEFT,
    lose: LEFT,
    accept: SOUGHT,
    answer: create('answered', SOUGHT),
    settle: edit('sent', SOUGHT),
    obsolete: edit('superseded', SOUGHT),
    refuse: SOUGHT,
    park: edit('parked', SOUGHT),
    doubt: create('unknown'),
    strand: SOUGHT,
    vanish: SOUGHT,
    postpone: 'lost',
    retry: edit('lost', SOUGHT),
    discard: edit('discarded', SOUGHT),
  },
  accepted: {
    coalesce: LEFT,
    depart: RESPONDED,
    unsend: RESPONDED,
    lose: RESPONDED,
    accept: create('accepted'),
    answer: create('answered'),
    settle: SOUGHT,
    obsolete: SOUGHT,
    refuse: SOUGHT,
    park: SOUGHT,
    doubt: create('unknown'),
    strand: SOUGHT,
    vanish: SOUGHT,
    postpone: 'accepted',
    retry: SOUGHT,
    discard: SOUGHT,
  },
  answered: {
    coalesce: LEFT,
    depart: RESPONDED,
    unsend: RESPONDED,
    lose: RESPONDED,
    accept: RESPONDED,
    answer: 'answered',
    settle: 'sent',
    obsolete: RESPONDED,
    refuse: RESPONDED,
    // What was left out of it, or what the database cannot hold.
    park: edit('parked', RESPONDED),
    doubt: RESPONDED,
    strand: create('unsettled'),
    vanish: create('parked'),
    postpone: 'answered',
    retry: edit('answered', SOUGHT),
    discard: edit('discarded', SOUGHT),
  },
  sent: rejectAll(SENT),
  superseded: rejectAll(SUPERSEDED),
  parked: {
    ...rejectAll(PERSON),
    // The row was edited again.
    coalesce: 'superseded',
    retry: 'waiting',
    discard: 'discarded',
  },
  unknown: {
    ...rejectAll(PERSON),
    // By that the person says that it did not arrive.
    retry: create('waiting'),
    discard: create('discarded'),
  },
  unsettled: {
    ...rejectAll(PERSON),
    // A create with a response is never sent again.
    retry: create('answered'),
    discard: create('discarded'),
  },
  discarded: rejectAll(DISCARDED),
} satisfies Record<State, Record<Event, Cell>>

export type Next = { readonly state: State } | { readonly rejected: string }

export function next({ state, op }: { readonly state: State; readonly op: Write }, event: Event): Next {
  const cell: Cell = TRANSITIONS[state][event]
  const found = typeof cell === 'object' ? cell[op === 'create' ? 'create' : 'edit'] : cell
  return isState(found) ? { state: found } : { rejected: found }
}

const isState = (found: State | No): found is State => (STATES as readonly string[]).includes(found)

const OPS: readonly Write[] = ['create', 'update', 'delete']

/** For a statement: the states that an event leads from, and `{op: {from: to}}`. */
export function stepsOf(event: Event): {
  readonly from: readonly State[]
  readonly to: Record<Write, Partial<Record<State, State>>>
} {
  const steps = (op: Write): [State, State][] =>
    STATES.flatMap((state) => {
      const to = next({ state, op }, event)
      return 'state' in to ? [[state, to.state] as [State, State]] : []
    })
  const to = Object.fromEntries(OPS.map((op) => [op, Object.fromEntries(steps(op))])) as Record<
    Write,
    Partial<Record<State, State>>
  >
  return { from: STATES.filter((state) => OPS.some((op) => to[op][state] !== undefined)), to }
}
