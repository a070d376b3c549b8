/** A write that ScopeStack refused, as an outcome. */
import { memberNotWritable, writeForbidden, writeNotOffered, writeRefused } from '../../errors/parked-changes.ts'
import type { HttpResponse } from '../../remote/http/http.ts'
import type { Decision } from '../../store/changes/change.ts'
import { changeName, type Attempt } from './attempt.ts'
import { park, type Outcome } from './outcome.ts'
import { problemsOf } from './refused-columns.ts'

export function refused(
  { change, resource }: Attempt,
  { status, body }: HttpResponse,
  decisions?: readonly Decision[],
): Outcome {
  const what = changeName(change)
  const isNew = change.op === 'create'
  const { problems: errors, said, notWritable: columns } = problemsOf(resource, body)
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
