/**
 * Marks a relationship that was asked for and came without its `data`, which was read as nobody at its end. `nested`: in an
 * included record, where the library leaves out what is null (0.10.7). `own`: in a record of the answer itself, where it
 * says `null`: there it may as well be that the server no longer tells (`store/mirror/row.ts`).
 */
export const IMPLIED_NULL = Symbol('its data was left out')

export type ImpliedNull = 'nested' | 'own'

export const impliedNull = (relationship: unknown): ImpliedNull | undefined =>
  typeof relationship === 'object' && relationship !== null && IMPLIED_NULL in relationship
    ? (relationship[IMPLIED_NULL] as ImpliedNull)
    : undefined
