/** Checks a declaration. Its author sees the error at the first start. */
import type { Column } from './resource.ts'

interface Keyed {
  readonly naturalKey?: readonly string[]
  readonly filters?: readonly string[]
}

export function checkKey(type: string, columns: readonly Column[], { naturalKey = [], filters = [] }: Keyed): void {
  const writable = new Set(columns.filter((column) => column.writable).map(({ member }) => member))
  const wrong = naturalKey.find((member, index) => !writable.has(member) || (index === 0 && !filters.includes(member)))
  if (wrong !== undefined) {
    throw new Error(`${type}: "${wrong}" cannot be in its natural key. It takes writable members, a filter first.`)
  }
}

/** Postgres gives every table these columns: CREATE TABLE rejects them, even quoted. */
const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid'])

export function checkNames(type: string, columns: readonly Column[]): void {
  const taken = new Map<string, string>([['id', 'the record id']])
  for (const { name, member } of columns) {
    const other = taken.get(name)
    if (other !== undefined) {
      throw new Error(`${type}: "${member}" and "${other}" both make column "${name}". Give one of them { column }.`)
    }
    // 63 bytes is Postgres' limit; longer names are cut silently, and two may become one.
    if (!/^[a-z][a-z0-9_]{0,62}$/.test(name) || name.startsWith('sync_') || SYSTEM_COLUMNS.has(name)) {
      throw new Error(`${type}: "${member}" makes column "${name}", which is not usable. Give it { column }.`)
    }
    taken.set(name, member)
  }
}
