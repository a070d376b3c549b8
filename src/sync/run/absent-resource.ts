/** A resource that the account does not have is not asked for again within the day: each costs a dozen requests. */
import { isDeepStrictEqual } from 'node:util'
import type { Resource } from '../../catalog/resource.ts'
import type { ErrorCode } from '../../errors/table.ts'
import type { Database } from '../../store/connection/database.ts'
import { forgetCapability, readCapability, saveCapability } from '../../store/progress/capabilities.ts'
import { DAY_MS } from '../list/retry-refused.ts'

const NAME = 'absent'

export interface Absence {
  readonly code: ErrorCode | null
  readonly message: string | null
}

interface Remembered extends Absence {
  /** The ways that were tried: where others are declared since, they are tried too. */
  readonly reads: Resource['readMethods']
  readonly slug: string
}

interface Deps {
  readonly sql: Database
  readonly slug: string
}

/** Undefined when it has to be asked for. */
export async function knownAbsence({ sql, slug }: Deps, { type, readMethods }: Resource): Promise<Absence | undefined> {
  const known = await readCapability(sql, type, NAME)
  if (known === undefined || known.ageMs >= DAY_MS) return undefined
  const { code, message, ...asked } = known.value as Remembered
  return isDeepStrictEqual(asked, { reads: [...readMethods], slug }) ? { code, message } : undefined
}

export const rememberAbsence = (
  { sql, slug }: Deps,
  { type, readMethods }: Resource,
  absence: Absence,
): Promise<void> => saveCapability(sql, type, NAME, { ...absence, reads: readMethods, slug })

export const forgetAbsence = (sql: Database, type: string): Promise<void> => forgetCapability(sql, type, NAME)
