/**
 * Marks a relationship that was asked for and came without its `data`, which was read as nobody at its end. `nested`: in an
 * included record, where the library leaves out what is null (0.10.7). `own`: in a record of the answer itself, where it
 * says `null`: there it may as well be that the server no longer tells (`store/mirror/row.ts`).
 */
export const LEFT_OUT = Symbol('its data was left out')

export type LeftOut = 'nested' | 'own'

export const leftOut = (relationship: unknown): LeftOut | undefined =>
  typeof relationship === 'object' && relationship !== null && LEFT_OUT in relationship
    ? (relationship[LEFT_OUT] as LeftOut)
    : undefined
