/**
 * Marks a relationship that was requested and came without its `data`, which is read as null. `nested`: in an included record,
 * where the library leaves out what is null (0.10.7). `own`: in a record of the list itself, where the library sends `null`, so
 * that the server may as well no longer report it (`store/mirror/row.ts`).
 */
export const IMPLIED_NULL = Symbol('its data was left out')

export type ImpliedNull = 'nested' | 'own'

export const impliedNull = (relationship: unknown): ImpliedNull | undefined =>
  typeof relationship === 'object' && relationship !== null && IMPLIED_NULL in relationship
    ? (relationship[IMPLIED_NULL] as ImpliedNull)
    : undefined
