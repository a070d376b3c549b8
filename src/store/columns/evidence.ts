/** What the rows of a table hold of members that no file declares: counts and forms, in one statement, and never a value. */
import type { Resource } from '../../catalog/resource.ts'
import { quote, type Database } from '../connection/database.ts'
import { arrayLiteral } from '../connection/literals.ts'

export interface MemberEvidence {
  readonly member: string
  /** It is a relationship. */
  readonly isEnd: boolean
  /** An attribute and a relationship have this name. */
  readonly isBoth: boolean
  /** Values that are not null. */
  readonly values: number
  readonly numbers: number
  readonly strings: number
  readonly booleans: number
  readonly objects: number
  readonly arrays: number
  /** Of the strings. */
  readonly empty: number
  readonly dates: number
  readonly timestamps: number
  /** Of the strings: such as `23.0`, and whole numbers in digits. */
  readonly points: number
  readonly digits: number
  /** Of the strings: `true` and `false`. */
  readonly truths: number
  /** Types of the records that a relationship leads to, at most three. */
  readonly types: readonly string[]
}

export interface Candidate {
  readonly member: string
  readonly isEnd: boolean
}

/** Longer names are cut in `sync.drift`, and are no names. */
const LONGEST_MEMBER = 200

/** A name with characters that PostgreSQL does not store is another one in the row than in the record. */
const UNSTORABLE = '\uFFFD'

/** Most resources have no such member: one statement says so. */
export async function hasUndeclared(sql: Database, { type }: Resource): Promise<boolean> {
  const [row] = await sql<{ any: boolean }[]>`
    select exists (select from sync.columns where resource = ${type})
      or exists (select from sync.drift where resource = ${type} and kind = 'undeclared') as any`
  return row!.any
}

/**
 * Members of which rows hold values and nothing final is decided: reported as undeclared, and not looked at since the last run
 * that wrote a row. What the database refused is tried in each run.
 */
export const readCandidates = async (sql: Database, { type }: Resource): Promise<Candidate[]> =>
  await sql<Candidate[]>`
    select d.member, d.sample = 'relationship' as "isEnd"
    from sync.drift d left join sync.columns c on c.resource = d.resource and c.member = d.member
    where d.resource = ${type} and d.kind = 'undeclared' and length(d.member) < ${LONGEST_MEMBER}
      and d.member !~ ${UNSTORABLE}
      and (c.member is null or (c.state = 'waiting' and (c.part is not null or exists (
        select from sync.run_outcomes o where o.resource = d.resource and o.finished_at > c.decided_at and o.inserted + o.updated > 0))))
    order by d.member collate "C"`

/** All that are reported as undeclared, whatever is decided of them. */
export const readMembers = async (sql: Database, { type }: Resource): Promise<Candidate[]> =>
  await sql<Candidate[]>`
    select member, sample = 'relationship' as "isEnd" from sync.drift where resource = ${type} and kind = 'undeclared'
    order by member collate "C"`

/** Members of which no row holds anything are left out. */
export async function readEvidence(
  sql: Database,
  { table }: Resource,
  candidates: readonly Candidate[],
): Promise<MemberEvidence[]> {
  const from = `scopestack.${quote(table)}`
  const ends = new Set(candidates.filter(({ isEnd }) => isEnd).map(({ member }) => member))
  const names = candidates.map(({ member }) => member)
  const found = await sql.unsafe<Counted[]>(COUNTS.replace('$table', from), [
    arrayLiteral(names.flatMap((name) => [name, name + BESIDE])),
  ])
  const types =
    ends.size === 0
      ? []
      : await sql.unsafe<{ member: string; types: string[] }[]>(TYPES.replace('$table', from), [
          arrayLiteral([...ends]),
        ])
  const typesOf = new Map(types.map((one) => [one.member, one.types]))
  const members = new Set(found.map(({ member }) => member))
  return found
    .filter(({ member }) => names.includes(member))
    .map((one) => ({
      ...one,
      isEnd: ends.has(one.member),
      isBoth: members.has(one.member + BESIDE),
      types: typesOf.get(one.member) ?? [],
    }))
}

type Counted = Omit<MemberEvidence, 'isEnd' | 'isBoth' | 'types'>

/** What `sync_extra` calls a relationship that has the name of an attribute. */
const BESIDE = '-relationship'

/** The members asked for, of all rows. */
const MEMBERS = `
  $table m
  cross join lateral (select e.key, e.value, jsonb_typeof(e.value) as form
    from jsonb_each(case when jsonb_typeof(m.sync_extra) = 'object' then m.sync_extra end) e where e.key = any($1::text[])) k
  where m.sync_extra is not null`

const COUNTS = `
  select k.key as member,
    count(*) filter (where k.form <> 'null')::int as values,
    count(*) filter (where k.form = 'number')::int as numbers,
    count(*) filter (where k.form = 'string')::int as strings,
    count(*) filter (where k.form = 'boolean')::int as booleans,
    count(*) filter (where k.form = 'object')::int as objects,
    count(*) filter (where k.form = 'array')::int as arrays,
    count(*) filter (where k.form = 'string' and k.value #>> '{}' = '')::int as empty,
    count(*) filter (where k.form = 'string' and sync.column_text('date', null, k.value) is not null)::int as dates,
    count(*) filter (where k.form = 'string' and k.value #>> '{}' ~ '(Z|[+-][0-9]{2}:?[0-9]{2})$'
      and sync.column_text('timestamp', null, k.value) is not null)::int as timestamps,
    count(*) filter (where k.form = 'string' and k.value #>> '{}' ~ '^-?(0|[1-9][0-9]*)[.][0-9]+$'
      and sync.column_text('decimal', null, k.value) is not null)::int as points,
    count(*) filter (where k.form = 'string' and k.value #>> '{}' ~ '^-?(0|[1-9][0-9]{0,30})$')::int as digits,
    count(*) filter (where k.form = 'string' and k.value #>> '{}' in ('true', 'false'))::int as truths
  from ${MEMBERS}
  group by 1`

const TYPES = `
  select k.key as member, array_to_json((array_agg(distinct left(t ->> 'type', 100)) filter (where t ->> 'type' is not null))[1:3]) as types
  from (select k.* from ${MEMBERS}) k
  cross join lateral jsonb_array_elements(case k.form when 'array' then k.value when 'object' then jsonb_build_array(k.value) else '[]' end) t
  group by 1`
