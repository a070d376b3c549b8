/**
 * Every error that scopestack-sync can name: what it ends, what happens next, what it means and what a person does.
 * A code never changes once released, so that alerts and scripts can match on it. Exit codes and the errors that end a run
 * are read from here, and `docs/errors.md` is generated from here (`npm run errors:docs`).
 */
import { CHANGES } from './codes/changes.ts'
import { COMMANDS } from './codes/commands.ts'
import { CREDENTIALS } from './codes/credentials.ts'
import { DATABASE } from './codes/database.ts'
import type { Entry, Remedy } from './codes/entry.ts'
import { PROBLEMS } from './codes/problems.ts'
import { REDIS } from './codes/redis.ts'
import { REQUESTS } from './codes/requests.ts'
import { RESOURCES } from './codes/resources.ts'

/** By subject, in the order in which a new installation meets them. */
export const SUBJECTS = {
  'Commands and settings': COMMANDS,
  'Credentials and account': CREDENTIALS,
  'Requests to ScopeStack': REQUESTS,
  'Resources of a run': RESOURCES,
  Postgres: DATABASE,
  'Redis and the queue': REDIS,
  'Local edits': CHANGES,
  'Reported problems': PROBLEMS,
} as const

export const ERRORS = {
  ...COMMANDS,
  ...CREDENTIALS,
  ...REQUESTS,
  ...RESOURCES,
  ...DATABASE,
  ...REDIS,
  ...CHANGES,
  ...PROBLEMS,
}

export type ErrorCode = keyof typeof ERRORS

/** The remedies that an error of this code may have: one, but for a few. */
export type RemedyOf<C extends ErrorCode> = Extract<Flat<(typeof ERRORS)[C]['remedy']>, Remedy>

type Flat<R> = R extends readonly unknown[] ? R[number] : R

export const entryOf = (code: ErrorCode): Entry => ERRORS[code]
