/** Responses to a write that are not of the written record: the tests of push must survive each of them. */
import { documentResponse, httpResponse, noBody, type HttpResponse } from '../exchange.ts'
import type { Switches } from '../switches.ts'

type Kind = Switches['foreignWrites']

/**
 * The response to a write that was done, as a faulty proxy, or a bug of the server, may send it: with another record, with
 * another kind of body, or with none. Null: the regular response.
 *
 * @param own the document of the written record; of a deleted one, as it was.
 * @param other that of another record of the same type; null where there is none.
 */
export function misleadingResponse(kind: Kind, status: number, own: Buffer, other: Buffer | null): HttpResponse | null {
  switch (kind) {
    case 'off':
    // The caller knows the record as it was before the write.
    case 'stale':
      return null
    case 'html':
      return httpResponse(200, 'text/html', '<html><head><title>Welcome back</title></head><body>Sign in</body></html>')
    case 'empty':
      return httpResponse(200, null, noBody)
    case 'other-record':
      return documentResponse(status, other ?? '{"data":null}')
    default:
      return documentResponse(status, JSON.stringify({ data: falsified(kind, own) }))
  }
}

interface Data {
  readonly type: string
  readonly relationships?: Record<string, unknown>
}

function falsified(kind: 'other-type' | 'list' | 'other-account', own: Buffer): unknown {
  const { data } = JSON.parse(own.toString()) as { data: Data }
  if (kind === 'list') return [data]
  if (kind === 'other-type') return { ...data, type: data.type === 'tags' ? 'teams' : 'tags' }
  const account = { data: { type: 'accounts', id: 'somebody-else' } }
  return { ...data, relationships: { ...data.relationships, account } }
}
