/**
 * The digest of a row: a SHA-1 of what its record reports, a point, and a bit mask of the columns that it does not report. Two
 * read methods may report different columns; their digests cannot be compared then, and the values have to be.
 */
import { hash } from 'node:crypto'

export const digestOf = (content: string, suffix: string): string =>
  `${hash('sha1', content, 'base64').slice(0, LENGTH)}.${suffix}`

/** A SHA-1 in base64, without the sign that fills it up. */
const LENGTH = 27

/** Digests of earlier versions end with that sign, and have no mask. */
const isOld = (digest: string): boolean => digest.endsWith('=')

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
