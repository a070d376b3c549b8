/** A name for the column of a member that no file declares: plain, usable without quotes, and never one that is taken. */
import type { Column } from './resource.ts'

/** Words that a query would have to quote as the name of a column: reserved in PostgreSQL 15 to 18, and its system columns. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    'all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column ' +
    'concurrently constraint create cross current_catalog current_date current_role current_schema current_time ' +
    'current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from ' +
    'full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit localtime ' +
    'localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references returning ' +
    'right select session_user similar some symmetric system_user table tablesample then to trailing true union unique user ' +
    'using variadic verbose when where window with ' +
    'ctid xmin xmax cmin cmax tableoid id'
  ).split(' '),
)

/** PostgreSQL cuts longer names. */
const LONGEST = 63

const SUFFIX = { attribute: '', 'to-one': '_id', 'to-many': '_ids' } as const

/** What a declaration would call it, where that can be used. */
export function plainColumnName(member: string, from: Column['from']): string {
  const words = member
    .normalize('NFKD')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    // The accents that NFKD has parted from their letters.
    .replace(/\p{M}/gu, '')
    .split(/[^a-z0-9]/)
    .filter((word) => word !== '')
    .join('_')
  const suffix = SUFFIX[from]
  const plain = words === '' ? 'field' : words
  const name = suffix !== '' && plain.endsWith(suffix) ? plain : plain + suffix
  const usable = /^[a-z]/.test(name) && !name.startsWith('sync_') && !RESERVED.has(name) ? name : `field_${name}`
  return usable.length <= LONGEST ? usable : usable.slice(0, LONGEST - suffix.length) + suffix
}

/** The same with a number behind it where the name is taken: `name_2`. */
export function freeColumnName(member: string, from: Column['from'], taken: ReadonlySet<string>): string {
  const plain = plainColumnName(member, from)
  for (let n = 1; ; n++) {
    const end = n === 1 ? '' : `_${n}`
    const name = plain.slice(0, LONGEST - end.length) + end
    if (!taken.has(name)) return name
  }
}

/** Null where a person may give a column this name; else why not. */
export function wrongColumnName(name: string, taken: ReadonlySet<string>): string | null {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) {
    return `"${name}" is no name for a column here: small letters, digits and _, at most 63, a letter first.`
  }
  if (name.startsWith('sync_')) return `"${name}" begins with sync_, as the columns of this program do.`
  if (RESERVED.has(name)) return `"${name}" is a word of SQL or a column of every table, and would have to be quoted.`
  return taken.has(name) ? `The table has a column ${name} already.` : null
}
