/** A write that ScopeStack refused: as an outcome, and in columns. */
import type { Column, Resource } from '../../catalog/resource.ts'
import { memberNotWritable, writeForbidden, writeNotOffered, writeRefused } from '../../errors/parked-changes.ts'
import { errorObjectsOf, errorText, type ErrorObject } from '../../remote/documents/error-response.ts'
import type { HttpResponse } from '../../remote/http/http.ts'
import type { Decision, FieldProblem } from '../../store/changes/change.ts'
import { changeName, park, type Attempt, type Outcome } from './attempt.ts'

export function refused(
  { change, resource }: Attempt,
  { status, body }: HttpResponse,
  decisions?: readonly Decision[],
): Outcome {
  const what = changeName(change)
  const isNew = change.op === 'create'
  const { problems: errors, summary: said, notWritable: columns } = problemsOf(resource, body)
  const facts = { errors, applied: 'nothing', ...(decisions && { decisions }) } as const
  if (status === 403) return park(writeForbidden({ what, said }), facts)
  if (status === 400 && columns.length > 0) {
    return park(memberNotWritable({ what, isNew, columns: columns.join(', '), said }), facts)
  }
  if (isNew && (status === 405 || (status === 404 && /^(not found)?$/i.test(said)))) {
    return park(writeNotOffered({ what, status, said }), facts)
  }
  return park(writeRefused({ what, status, said }), facts)
}

/** A member that ScopeStack does not take in a write (code 105, "Param not allowed"), in all shapes. */
const NOT_ALLOWED = /^(\S{1,100}) is not allowed\.?$/

/** A refusal, for the editor of the row. */
export interface Problems {
  readonly problems: readonly FieldProblem[]
  /** All of them in one line. */
  readonly summary: string
  /** Columns that are not writable, and members that are none. */
  readonly notWritable: readonly string[]
}

export function problemsOf(resource: Resource, body: string): Problems {
  const found = errorObjectsOf(body).map((complaint) => ({ complaint, column: columnOf(resource, complaint) }))
  const problems = found.map(({ complaint, column }) => ({
    column: column?.name ?? null,
    pointer: complaint.pointer,
    message: messageOf(complaint, column) || 'no reason was given',
  }))
  return {
    problems,
    summary: problems.map(inLine).join('; ').slice(0, LONGEST_LINE).replace(/\.$/, ''),
    notWritable: found.flatMap(({ complaint, column }) => {
      const name = NOT_ALLOWED.exec(complaint.detail)?.[1]
      return name === undefined && complaint.code !== '105' ? [] : [column?.name ?? name ?? complaint.detail]
    }),
  }
}

const LONGEST_LINE = 600

/** `name has already been taken`; with a colon before a sentence of its own, and alone where that names the column itself. */
function inLine({ column, message }: FieldProblem): string {
  if (
    column === null ||
    plain(message)
      .replaceAll(' ', '-')
      .startsWith(`${plain(column)}-`)
  )
    return message
  return /^\p{Ll}/u.test(message) ? `${column} ${message}` : `${column}: ${message}`
}

/** Without the member's name in front, where the column is named anyway. */
function messageOf(complaint: ErrorObject, column: Column | undefined): string {
  const { title, detail, member } = complaint
  if (column === undefined) return member === null ? errorText(complaint) : `${member} ${errorText(complaint)}`
  return errorText({
    title,
    detail: prefixOf(detail) === undefined ? detail : detail.slice(detail.indexOf(' - ') + 3),
  })
}

/** The bare library names the member in `detail`: `name - has already been taken` (API notes §6). */
const prefixOf = (detail: string): string | undefined => /^(\S{1,100}) - /.exec(detail)?.[1]

function columnOf(
  { columns }: Resource,
  { pointer, parameter, member, title, detail }: ErrorObject,
): Column | undefined {
  const named = [
    /^(?:\/data)?\/(?:attributes|relationships)\/([^/]+)/.exec(pointer ?? '')?.[1],
    member ?? undefined,
    parameter ?? undefined,
    prefixOf(detail),
    NOT_ALLOWED.exec(detail)?.[1],
  ]
  for (const name of named) {
    const column = name === undefined ? undefined : columns.find((one) => isNamed(one, name))
    if (column !== undefined) return column
  }
  return columns.find((column) => begins(detail, column)) ?? columns.find((column) => begins(title, column))
}

/** Underscored or dasherized, as a member or as its foreign key, is one name on a Rails server. */
const isNamed = ({ member, name }: Column, given: string): boolean =>
  [member, name].some((one) => plain(one) === plain(given))

const plain = (name: string): string => name.toLowerCase().replaceAll('_', '-').replace(/\?$/, '')

/** `Project name can't be blank`: Rails' full messages begin with the member in words. */
function begins(text: string, { member, name }: Column): boolean {
  const lower = text.toLowerCase()
  return [member, name].some((one) => {
    const words = `${plain(one).replaceAll('-', ' ')} `
    return lower.startsWith(words) && PREDICATE.test(lower.slice(words.length))
  })
}

/** Else it is another sentence that happens to begin with the same word. */
const PREDICATE =
  /^(?:is|isn't|are|was|has|have|had|must|can't|cannot|can|may|should|does|doesn't|do|needs|contains|exceeds|already|not|too)\b/
