/** The states of a change (transitions.ts has their chart), and the words for them that people and programs read. */
export const STATES = [
  'waiting',
  'in_flight',
  'lost',
  'accepted',
  'answered',
  'sent',
  'superseded',
  'parked',
  'unknown',
  'unsettled',
  'discarded',
] as const
export type State = (typeof STATES)[number]

type Word = 'waiting' | 'sending' | 'sent' | 'superseded' | 'parked' | 'discarded'

/** What people and programs read in lists, in JSON and in scopestack.pending_changes. */
const WORDS: Readonly<Record<State, Word>> = {
  waiting: 'waiting',
  in_flight: 'sending',
  lost: 'sending',
  accepted: 'sending',
  answered: 'sending',
  sent: 'sent',
  superseded: 'superseded',
  parked: 'parked',
  unknown: 'parked',
  unsettled: 'parked',
  discarded: 'discarded',
}

export const wordOf = (state: State): Word => WORDS[state]
const called = (...words: readonly Word[]): readonly State[] => STATES.filter((state) => words.includes(WORDS[state]))

/** Not settled and not parked: they are on their way. */
export const OPEN = called('waiting', 'sending')
/** Their requests may have arrived: sent on alone and unaltered. */
export const DEPARTED = called('sending')
/** A person decides. */
export const PARKED = called('parked')
export const SETTLED = called('sent', 'superseded', 'discarded')
