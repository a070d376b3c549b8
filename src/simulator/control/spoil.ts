import { answer, type Answer } from '../exchange.ts'
import type { Fault } from './faults.ts'

/** The real answer with something in its body that a reader has to survive; other faults leave it as it is. */
export function spoiledBody(fault: Fault, given: Answer): Answer {
  if (given.length === 0) return given
  const body = Buffer.concat(given.body)
  const changed = (now: Buffer): Answer => answer(given.status, null, now, given.headers)
  switch (fault.kind) {
    case 'bad-utf8':
      return changed(withLatin1(body))
    case 'many-nodes': {
      const bytes = fault.afterBytes ?? 31 * 1024 * 1024
      return changed(withMember(body, `[${'{},'.repeat(Math.ceil(bytes / 3))}{}]`))
    }
    case 'long-number':
      return changed(withMember(body, '7'.repeat(fault.afterBytes ?? 200_000)))
    default:
      return given
  }
}

/** A letter of the first attribute, or of whatever text there is, as Latin-1 has it: no UTF-8. */
function withLatin1(body: Buffer): Buffer {
  const from = Math.max(0, body.indexOf('"attributes":{'))
  const at = body.indexOf('":"', from)
  const changed = Buffer.from(body)
  if (at >= 0) changed[at + 3] = 0xe9
  return changed
}

/** One more member at the top of the document. */
const withMember = (body: Buffer, value: string): Buffer =>
  Buffer.concat([Buffer.from(`{"padding":${value},`), body.subarray(body.indexOf('{') + 1)])
