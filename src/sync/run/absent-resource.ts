/** A resource that the account does not have is not asked for again within the day: each costs a dozen requests. */
import { isDeepStrictEqual } from 'node:util'
import type { Resource } from '../../catalog/resource.ts'
import type { ErrorCode } from '../../errors/table.ts'
import type { Capabilities } from '../../store/progress/known.ts'
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

/** Undefined when it has to be requested. */
export function knownAbsence(capabilities: Capabilities, slug: string, { readMethods }: Resource): Absence | undefined {
  const known = capabilities.get(NAME)
  if (known === undefined || known.ageMs >= DAY_MS) return undefined
  const { code, message, ...asked } = known.value as Remembered
  return isDeepStrictEqual(asked, { reads: [...readMethods], slug }) ? { code, message } : undefined
}

export const rememberAbsence = (
  capabilities: Capabilities,
  slug: string,
  { readMethods }: Resource,
  absence: Absence,
): Promise<void> => capabilities.save(NAME, { ...absence, reads: readMethods, slug })

export const forgetAbsence = (capabilities: Capabilities): Promise<void> => capabilities.forget(NAME)
