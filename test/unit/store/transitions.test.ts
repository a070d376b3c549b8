/**
 * What may become of a change: the table of store/changes/transitions.ts held against one that is written another way, by what
 * must be true whatever the table says. A state or an event without a line in it does not compile.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Write } from '../../../src/catalog/resource.ts'
import { OPEN, PARKED, SETTLED, STATES, wordOf, type State } from '../../../src/store/changes/states.ts'
import { EVENTS, next, stepsOf, type Event } from '../../../src/store/changes/transitions.ts'

const OPS: readonly Write[] = ['create', 'update', 'delete']
const to = (state: State, op: Write, event: Event): State | null => {
  const found = next({ state, op }, event)
  return 'state' in found ? found.state : null
}

/** From each state, the events that lead somewhere; of an edit, and of a create. Every other event is rejected. */
const ALLOWED: Record<State, { edit: Partial<Record<Event, State>>; create: Partial<Record<Event, State>> }> = {
  waiting: {
    edit: {
      coalesce: 'superseded',
      depart: 'in_flight',
      settle: 'sent',
      obsolete: 'superseded',
      park: 'parked',
      postpone: 'waiting',
      retry: 'waiting',
      discard: 'discarded',
    },
    create: {
      coalesce: 'superseded',
      depart: 'in_flight',
      park: 'parked',
      postpone: 'waiting',
      retry: 'waiting',
      discard: 'discarded',
    },
  },
  in_flight: {
    edit: {
      depart: 'in_flight',
      unsend: 'waiting',
      lose: 'lost',
      answer: 'answered',
      settle: 'sent',
      obsolete: 'superseded',
      refuse: 'parked',
      park: 'parked',
      postpone: 'lost',
    },
    create: {
      depart: 'in_flight',
      unsend: 'waiting',
      lose: 'lost',
      accept: 'accepted',
      answer: 'answered',
      refuse: 'parked',
      doubt: 'unknown',
      postpone: 'lost',
    },
  },
  lost: {
    edit: {
      depart: 'in_flight',
      settle: 'sent',
      obsolete: 'superseded',
      park: 'parked',
      postpone: 'lost',
      retry: 'lost',
      discard: 'discarded',
    },
    create: { depart: 'in_flight', answer: 'answered', doubt: 'unknown', postpone: 'lost' },
  },
  accepted: {
    edit: { postpone: 'accepted' },
    create: { accept: 'accepted', answer: 'answered', doubt: 'unknown', postpone: 'accepted' },
  },
  answered: {
    edit: {
      answer: 'answered',
      settle: 'sent',
      park: 'parked',
      postpone: 'answered',
      retry: 'answered',
      discard: 'discarded',
    },
    create: { answer: 'answered', settle: 'sent', strand: 'unsettled', vanish: 'parked', postpone: 'answered' },
  },
  parked: {
    edit: { coalesce: 'superseded', retry: 'waiting', discard: 'discarded' },
    create: { coalesce: 'superseded', retry: 'waiting', discard: 'discarded' },
  },
  unknown: { edit: {}, create: { retry: 'waiting', discard: 'discarded' } },
  unsettled: { edit: {}, create: { retry: 'answered', discard: 'discarded' } },
  sent: { edit: {}, create: {} },
  superseded: { edit: {}, create: {} },
  discarded: { edit: {}, create: {} },
}

it.each(STATES.flatMap((state) => OPS.map((op) => [state, op] as const)))(
  'of a change that is %s, a %s',
  (state, op) => {
    const found = Object.fromEntries(
      EVENTS.flatMap((event) => (to(state, op, event) === null ? [] : [[event, to(state, op, event)]])),
    )
    expect(found).toEqual(ALLOWED[state][op === 'create' ? 'create' : 'edit'])
  },
)

it('a rejection says why, as the end of a sentence', () => {
  for (const state of STATES) {
    for (const event of EVENTS) {
      const found = next({ state, op: 'create' }, event)
      if ('rejected' in found) expect(found.rejected).toMatch(/^it [a-z ,]+$/)
    }
  }
})

describe('whatever the table says', () => {
  /** Everything that may follow from a state, by any events. */
  const reachable = (from: State, op: Write, without: readonly Event[] = []): Set<State> => {
    const found = new Set([from])
    for (const state of found) {
      for (const event of EVENTS) {
        const then = without.includes(event) ? null : to(state, op, event)
        if (then !== null) found.add(then)
      }
    }
    return found
  }

  it('an end is an end (S4)', () => {
    for (const state of SETTLED) for (const op of OPS) expect([...reachable(state, op)]).toEqual([state])
  })

  it('every other state leads to an end, or to a person', () => {
    for (const state of [...OPEN, ...PARKED]) {
      expect(
        [...reachable(state, 'create')].some((one) => SETTLED.includes(one)),
        state,
      ).toBe(true)
    }
    for (const state of OPEN.filter((one) => one !== 'accepted')) {
      expect(
        [...reachable(state, 'update')].some((one) => SETTLED.includes(one)),
        state,
      ).toBe(true)
    }
  })

  it('a create whose record exists is never sent again, unless that record is gone (S14)', () => {
    for (const state of ['accepted', 'answered', 'unsettled'] as const) {
      expect(reachable(state, 'create', ['vanish', 'retry']), state).not.toContain('in_flight')
    }
    expect(reachable('answered', 'create', ['vanish'])).not.toContain('in_flight')
  })

  it('a create that may exist gets no other of its record beside it, and is discarded by a person only', () => {
    for (const state of ['in_flight', 'lost', 'accepted', 'answered', 'unknown', 'unsettled'] as const) {
      expect(to(state, 'create', 'coalesce')).toBeNull()
      expect(to(state, 'create', 'park')).toBeNull()
    }
  })

  it('what has left is coalesced into nothing', () => {
    for (const state of STATES) {
      for (const op of OPS) {
        if (to(state, op, 'coalesce') !== null) expect(['waiting', 'parked']).toContain(state)
      }
    }
  })
})

it('a statement gets from the table what it may find, and what becomes of it', () => {
  expect(stepsOf('retry')).toEqual({
    from: ['waiting', 'lost', 'answered', 'parked', 'unknown', 'unsettled'],
    to: {
      create: { waiting: 'waiting', parked: 'waiting', unknown: 'waiting', unsettled: 'answered' },
      update: { waiting: 'waiting', lost: 'lost', answered: 'answered', parked: 'waiting' },
      delete: { waiting: 'waiting', lost: 'lost', answered: 'answered', parked: 'waiting' },
    },
  })
})

it('people read six words for the states', () => {
  expect([...new Set(STATES.map(wordOf))]).toEqual(['waiting', 'sending', 'sent', 'superseded', 'parked', 'discarded'])
})

it('one file writes the outbox', () => {
  const src = join(import.meta.dirname, '../../../src')
  const writers = readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) =>
      /\b(update|insert\s+into|delete\s+from|truncate)\s+sync\.outbox\b/i.test(readFileSync(path, 'utf8')),
    )
  expect(writers.map((path) => path.slice(src.length + 1))).toEqual(['store/changes/writes.ts'])
})
