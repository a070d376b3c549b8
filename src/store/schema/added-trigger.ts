/** What depends on which columns are added to a table: the trigger that fills them, and which edits are refused. */
import { quote, type Transaction } from '../connection/database.ts'
import { arrayLiteral, literal } from '../connection/literals.ts'

/** Moves values into added columns, whichever process or release writes the row (migrations/0021_columns.sql). */
const TRIGGER = 'keep_added_columns'

/**
 * After every change of an added column, in the same transaction: a trigger that names a column which is no more would take values
 * out of `sync_extra` and put them nowhere.
 *
 * @param gone names that are columns of the program's no more.
 */
export async function keepInStep(
  tx: Transaction,
  { type, table }: { readonly type: string; readonly table: string },
  gone: readonly string[] = [],
): Promise<void> {
  const held = await tx<{ member: string; name: string; kind: string; target: string | null; state: string }[]>`
    select member, column_name as name, kind, target, state from sync.columns
    where resource = ${type} and state in ('added', 'kept') and column_name is not null order by member`
  // Beside a declared column it is written by the loader alone: sync_extra holds of its member what does not fit the other.
  const added = held
    .filter(({ state }) => state === 'added')
    .map(({ member, name, kind, target }) => ({ member, name, kind, target }))
  const relation = `scopestack.${quote(table)}`
  if (added.length === 0) await tx.unsafe(`drop trigger if exists ${TRIGGER} on ${relation}`)
  else {
    await tx.unsafe(`
      create or replace trigger ${TRIGGER} before insert or update on ${relation} for each row
      when (current_setting('sync.origin', true) = 'pull' and new.sync_extra ?| array[${added.map(({ member }) => literal(member)).join(', ')}])
      execute function sync.keep_added_columns(${literal(JSON.stringify(added))})`)
  }
  // A column of the program's, and none that users have added: an edit of it is refused, as of any that may not be edited.
  await tx`
    update sync.captured set read_only = array(
      select distinct name from unnest(read_only || ${arrayLiteral(held.map(({ name }) => name))}::text[]) as name
      where name <> all(${arrayLiteral(gone)}::text[]) order by name)
    where type = ${type} and read_only is not null`
}
