/** Writes what an incremental read has read, and keeps what it reports of it. */
import { isObject } from '../../exact-json.ts'
import type { ReadPage } from '../list/read-page.ts'
import { changeTime } from '../record-times.ts'
import type { RecordWriter } from '../write-records.ts'

export interface ChangeWriter {
  readonly total: { inserted: number; updated: number; unchanged: number; parked: number; pages: number }
  /** Ids seen. */
  readonly ids: ReadonlySet<string>
  /** The newest change seen, in milliseconds; 0 before the first. */
  newest(): number
  /** ScopeStack fails at some of them. */
  isBroken(): boolean
  write(pages: readonly ReadPage[]): Promise<void>
}

export function createChangeWriter(writer: RecordWriter): ChangeWriter {
  const total = { inserted: 0, updated: 0, unchanged: 0, parked: 0, pages: 0 }
  const ids = new Set<string>()
  /** A record that is seen again counts once. */
  const parked = new Set<string>()
  let newest = 0
  let broken = false
  return {
    total,
    ids,
    newest: () => newest,
    isBroken: () => broken,
    async write(pages) {
      const records = pages.flatMap((page) => page.records)
      const unusable = pages.flatMap((page) => page.unusable)
      for (const id of pages.flatMap((page) => page.ids)) ids.add(id)
      const bodies = unusable.map(({ body }) => (isObject(body) ? body : {}))
      for (const record of [...records, ...bodies]) newest = Math.max(newest, changeTime(record) ?? 0)
      broken ||= pages.some((page) => page.broken)
      const written = await writer.write({ records, unusable })
      total.pages += pages.length
      total.inserted += written.inserted
      total.updated += written.updated
      total.unchanged += written.unchanged
      for (const { id, body } of written.parked) parked.add(id ?? JSON.stringify(body))
      total.parked = parked.size
    },
  }
}
