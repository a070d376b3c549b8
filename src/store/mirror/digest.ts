/**
 * The digest of a row: a SHA-1 of what its record reports, a point, and a bit mask of the columns that it does not report. Two
 * read methods may report different columns; their digests cannot be compared then, and the values have to be.
 */
import { hash } from 'node:crypto'
import type { Resource } from '../../catalog/resource.ts'
import { copyLine } from '../connection/literals.ts'
import { stripSignatures } from '../values/signed-urls.ts'
import type { Row } from './row.ts'
import type { Shape } from './shapes.ts'

/** Counted up when the same records make other rows: every row is then written once more. */
export const ROW_FORMAT = 1

const digestOf = (content: string, suffix: string): string =>
  `${hash('sha1', content, 'base64').slice(0, LENGTH)}.${suffix}`

/** A SHA-1 in base64, without the sign that fills it up. */
const LENGTH = 27

/** Digests of earlier versions end with that sign, and have no mask. */
const isOld = (digest: string): boolean => digest.endsWith('=')

/** The digest of a row, without what differs in every response: signatures of URLs, and volatile columns. */
export function rowHash({
  columns,
}: Resource): (
  values: Row['values'],
  line: string,
  unreported: string,
  shape: Shape,
) => Pick<Row, 'hash' | 'fleeting'> {
  // Another declaration makes another digest, so that a changed catalog writes every row again.
  const fingerprint = hash('sha1', JSON.stringify([ROW_FORMAT, columns.map(declarationOf)]))
  const volatile = columns.flatMap((column, at) => (column.volatile ? [at + 1] : []))
  /** Whether there is a value is stable. */
  const withoutVolatile = (value: string | null, at: number): string | null =>
    value !== null && volatile.includes(at) ? '' : value
  return (values, line, unreported, shape) => {
    const stable = stripSignatures(volatile.length === 0 ? line : copyLine(values.map(withoutVolatile)))
    return { hash: digestOf(fingerprint + unreported + stable, shape.suffix), fleeting: stable !== line }
  }
}

const declarationOf = ({ name, member, kind, volatile }: Resource['columns'][number]): readonly string[] =>
  volatile ? [name, member, kind, 'volatile'] : [name, member, kind]

/** `unclear`: they cover different columns. */
export function compareDigests(held: string, made: string): 'same' | 'changed' | 'unclear' {
  if (held === made) return 'same'
  const [content, suffix] = parted(made)
  if (isOld(held)) return suffix === '' && held.slice(0, LENGTH) === content ? 'same' : 'unclear'
  return parted(held)[1] === suffix ? 'changed' : 'unclear'
}

/** Whether the new digest covers every column that the stored one covers, so that it may replace it. */
export const coversSameColumns = (held: string, made: string): boolean =>
  isOld(held) || (maskOf(made) & ~maskOf(held)) === 0n

const parted = (digest: string): [content: string, suffix: string] => [
  digest.slice(0, LENGTH),
  digest.slice(LENGTH + 1),
]

function maskOf(digest: string): bigint {
  const [, mask] = parted(digest)
  return /^[0-9a-f]+$/.test(mask) ? BigInt(`0x${mask}`) : 0n
}
