/** User-defined fields are written as [{name, value}] and read back as complete definitions with snake_case keys, whose value
 *  is null when unset (API notes §5, §8). */
import type { Fields, Rec, Records } from '../records/records.ts'

export function definition(rec: Rec, value: unknown): Fields {
  const { attributes } = rec
  return {
    name: attributes['name'],
    label: attributes['label'],
    variable_type: attributes['variable-type'],
    minimum: attributes['minimum'],
    maximum: attributes['maximum'],
    required: attributes['required'],
    select_options: attributes['select-options'],
    position: attributes['position'],
    context: attributes['variable-context'],
    uuid: `00000000-0000-4000-8000-${rec.id.padStart(12, '0')}`,
    value,
  }
}

export function blankVariables(records: Records, context: string): Fields[] {
  const all = records.table('project-variables')?.ordered ?? []
  return all
    .filter(({ attributes }) => attributes['variable-context'] === context && attributes['active'] === true)
    .map((rec) => definition(rec, null))
}

/** Only the listed ones change; names without a definition are ignored. */
export function withValues(current: unknown, written: unknown): unknown {
  if (!Array.isArray(current) || !Array.isArray(written)) return current
  const values = new Map<unknown, unknown>()
  for (const entry of written as unknown[]) {
    if (typeof entry === 'object' && entry !== null && 'name' in entry)
      values.set(entry.name, 'value' in entry ? entry.value : null)
  }
  return (current as unknown[]).map((entry) => {
    if (typeof entry !== 'object' || entry === null || !('name' in entry) || !values.has(entry.name)) return entry
    return { ...entry, value: values.get(entry.name) ?? null }
  })
}
