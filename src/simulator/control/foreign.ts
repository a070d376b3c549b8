import { answer, nothing, type Answer } from '../exchange.ts'
import type { Switches } from '../switches.ts'

type Foreign = Switches['foreignWrites']

/**
 * The answer to a write that was done, as something between here and there, or a bug, may give it: of another record, of
 * something else, or of nothing.
 *
 * @param own the document of the very record; of a deleted one, as it was.
 * @param other that of another record of the same type; null where there is none.
 */
export function foreignAnswer(kind: Foreign, status: number, own: Buffer, other: Buffer | null): Answer | null {
  switch (kind) {
    case 'off':
    // What the record was is known to whoever writes it.
    case 'stale':
      return null
    case 'html':
      return answer(200, 'text/html', '<html><head><title>Welcome back</title></head><body>Sign in</body></html>')
    case 'empty':
      return answer(200, null, nothing)
    case 'other-record':
      return answer(status, jsonApi, other ?? '{"data":null}')
    default:
      return answer(status, jsonApi, JSON.stringify({ data: spoiled(kind, own) }))
  }
}

const jsonApi = 'application/vnd.api+json'

interface Data {
  readonly type: string
  readonly relationships?: Record<string, unknown>
}

function spoiled(kind: 'other-type' | 'list' | 'other-account', own: Buffer): unknown {
  const { data } = JSON.parse(own.toString()) as { data: Data }
  if (kind === 'list') return [data]
  if (kind === 'other-type') return { ...data, type: data.type === 'tags' ? 'teams' : 'tags' }
  const account = { data: { type: 'accounts', id: 'somebody-else' } }
  return { ...data, relationships: { ...data.relationships, account } }
}
