/** Notices a server whose ETags are wrong. */
import type { PageValidator } from './page.ts'

/** Detects one `ETag` for two bodies among the pages of one read, also of a first one. */
export function createEtagCheck(): (
  pages: readonly { isEtagWrong: boolean; validator: PageValidator | null }[],
) => boolean {
  const digests = new Map<string, string>()
  return (pages) => {
    let isWrong = false
    for (const { isEtagWrong, validator } of pages) {
      const { etag, digest } = validator ?? { etag: null, digest: null }
      if (etag !== null && digest !== null) {
        isWrong ||= digests.has(etag) && digests.get(etag) !== digest
        digests.set(etag, digest)
      }
      isWrong ||= isEtagWrong
    }
    return isWrong
  }
}
