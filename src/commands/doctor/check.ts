/** One check: a fact is read, and a pure function decides what it means. */
import { checkFailed } from '../../errors/commands.ts'
import { reason, SyncError } from '../../errors/sync-error.ts'
import { explainDatabase } from '../../store/connection/database.ts'
import { withinLimit } from '../../within-limit.ts'
import { failedBy, skip, type Finding } from './finding.ts'
import type { Subject } from './subject.ts'

/** What a check reads from; one that has not responded in time is not waited for again. */
export type Source = 'database' | 'queue' | 'ScopeStack'

export interface Check {
  /** For machines: it stays. */
  readonly name: string
  /** For a person, sixteen letters at most. */
  readonly title: string
  readonly source: Source | null
  readonly seconds: (subject: Subject) => number
  readonly look: (subject: Subject, signal: AbortSignal) => Promise<readonly Finding[]>
}

interface Parts<F> {
  readonly name: string
  readonly title: string
  readonly source?: Source
  /** How long reading may take; left out, ten seconds. */
  readonly seconds?: (subject: Subject) => number
  readonly read: (subject: Subject, signal: AbortSignal) => F | Promise<F>
  readonly decide: (fact: F) => Finding | readonly Finding[]
}

const SECONDS = 10

export const check = <F>({ name, title, source, seconds = () => SECONDS, read, decide }: Parts<F>): Check => ({
  name,
  title,
  source: source ?? null,
  seconds,
  look: async (subject, signal) => [decide(await read(subject, signal))].flat(),
})

/** Thrown by a reader where something else is missing, which another line names. */
export class NotChecked extends Error {}

export interface Outcome {
  readonly findings: readonly Finding[]
  /** Its source did not respond in time. */
  readonly late: boolean
}

/** Whatever happens in a check becomes a line; only the operator's Ctrl-C ends the doctor. */
export async function runCheck(one: Check, subject: Subject, signal: AbortSignal): Promise<Outcome> {
  const seconds = one.seconds(subject)
  const limit = new AbortController()
  const looked = one.look(subject, AbortSignal.any([signal, limit.signal])).then(
    (findings): Outcome => ({ findings, late: false }),
    (error: unknown): Outcome => ({ findings: [findingOf(error, subject)], late: false }),
  )
  return await withinLimit(looked, seconds * 1000, () => {
    limit.abort()
    const who = one.source === null ? 'there was no result' : `${named(one.source)} did not respond`
    return { findings: [failedBy(checkFailed({ why: `${who} within ${seconds} s` }))], late: true }
  })
}

/** In the middle of a sentence. */
export const named = (source: Source): string => (source === 'ScopeStack' ? source : `the ${source}`)

function findingOf(error: unknown, { settings }: Pick<Subject, 'settings'>): Finding {
  if (error instanceof NotChecked) return skip(error.message)
  const known = explainDatabase(error, settings.config.databaseUrl ?? '')
  return failedBy(known instanceof SyncError ? known : checkFailed({ why: reason(known).replace(/\.$/, '') }, known))
}
