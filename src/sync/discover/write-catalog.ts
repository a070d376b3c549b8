/** Puts findings into files of the catalog. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { catalog } from '../../catalog/registry.ts'
import type { Resource } from '../../catalog/resource.ts'
import { catalogNotWritable } from '../../errors/commands.ts'
import type { Finding } from './difference.ts'
import type { Discovered } from './discover.ts'
import { emptySource, writeFindings } from './source.ts'

export const CATALOG_FOLDER = join(import.meta.dirname, '../../resources')

/** A type comes from the remote, and becomes a path, a table, and the beginning of the names of its indexes. */
const FILE_NAME = /^[a-z][a-z0-9_-]{0,39}$/
/** What stands in schema scopestack beside the tables of the catalog, or may: views, and the rows of own fields. */
const OURS = /^(sync_.*|report_.*|new_ids|pending_changes|user_defined_values)$/

/** @returns false where another resource, or something of ours, has that table. */
function canHaveTable({ type, table }: Resource): boolean {
  if (!FILE_NAME.test(type) || OURS.test(table)) return false
  return [...catalog.values()].every((other) => other.table !== table || other.type === type)
}

export interface WrittenFile {
  readonly path: string
  readonly type: string
  /** A file of that name was there. */
  readonly replaced: boolean
  readonly closed: readonly Finding[]
}

/**
 * One file for each resource that it can bring nearer to the account, made from the one in the catalog.
 *
 * @throws SyncError SYNC_NOT_WRITABLE
 */
export async function writeCatalog(discovered: readonly Discovered[], folder: string): Promise<WrittenFile[]> {
  const written: WrittenFile[] = []
  for (const { resource, declared, state, findings } of discovered) {
    const { type } = resource
    if (state !== 'read' || !canHaveTable(resource)) continue
    const source = declared ? await readFile(join(CATALOG_FOLDER, `${type}.ts`), 'utf8') : emptySource(resource)
    const { text, closed } = writeFindings(source, resource, findings)
    if (declared && closed.length === 0) continue
    written.push({ ...(await put(folder, `${type}.ts`, text)), type, closed })
  }
  return written
}

async function put(folder: string, name: string, text: string): Promise<{ path: string; replaced: boolean }> {
  const path = join(folder, name)
  try {
    await mkdir(folder, { recursive: true })
    const before = await readFile(path, 'utf8').catch(() => undefined)
    await writeFile(path, text)
    return { path, replaced: before !== undefined }
  } catch (error) {
    throw catalogNotWritable({ path }, error)
  }
}
