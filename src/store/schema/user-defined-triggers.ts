/** The triggers that keep scopestack.user_defined_values in step, as migrations/0005_user_defined_values.sql made them. */
import { quote } from '../connection/database.ts'
import type { ChangeTables } from './ddl.ts'

/** Table to its column. */
export const USER_DEFINED: ReadonlyMap<string, string> = new Map([
  ['clients', 'user_defined_fields'],
  ['crm_opportunities', 'custom_attributes'],
  ['products', 'project_variables'],
  ['project_contacts', 'project_variables'],
  ['project_governances', 'project_variables'],
  ['project_locations', 'project_variables'],
  ['projects', 'project_variables'],
])

const SEES: Readonly<Record<string, string>> = {
  insert: 'referencing new table as new_rows',
  update: 'referencing old table as old_rows new table as new_rows',
  delete: 'referencing old table as old_rows',
  truncate: '',
}

/** Makes them anew, and what they missed meanwhile. @param qualified scopestack.table */
export async function restoreUserDefined(change: ChangeTables, qualified: string): Promise<void> {
  const table = qualified.replace('scopestack.', '')
  const fields = USER_DEFINED.get(table)
  if (fields === undefined) return
  const name = `scopestack.${quote(table)}`
  await change(async (tx) => {
    for (const [event, sees] of Object.entries(SEES)) {
      await tx.unsafe(`drop trigger if exists user_defined_values_${event} on ${name}`)
      await tx.unsafe(`create trigger user_defined_values_${event} after ${event} on ${name} ${sees}
        for each statement execute function sync.keep_user_defined_values('${fields}')`)
    }
    await tx.unsafe('alter table scopestack.user_defined_values disable trigger read_only')
    await tx`delete from scopestack.user_defined_values where owner_type = ${table}`
    await tx.unsafe(`
      insert into scopestack.user_defined_values (owner_type, owner_id, name, label, type, position, value, value_numeric, value_date)
      select '${table}', o.id, v.name, v.label, v.type, v.position, v.value, v.value_numeric, v.value_date
      from ${name} o cross join lateral sync.user_defined_values_of(o.${quote(fields)}) v
      where o.sync_deleted_at is null and octet_length(o.id) <= 1000`)
    await tx.unsafe('alter table scopestack.user_defined_values enable trigger read_only')
  })
}
