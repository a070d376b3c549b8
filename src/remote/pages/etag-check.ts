/** Notices a server whose ETags are wrong. */
import type { PageValidator } from './pages.ts'

/** Detects one `ETag` for two bodies among the pages of one read, also of a first one. */
export function createEtagCheck(): (
  pages: readonly { etagLied: boolean; validator: PageValidator | null }[],
) => boolean {
  const digests = new Map<string, string>()
  return (pages) => {
    let lied = false
    for (const { etagLied, validator } of pages) {
      const { etag, digest } = validator ?? { etag: null, digest: null }
      if (etag !== null && digest !== null) {
        lied ||= digests.has(etag) && digests.get(etag) !== digest
        digests.set(etag, digest)
      }
      lied ||= etagLied
    }
    return lied
  }
}
