/**
 * Keeps what Node makes of each source file, without types and compiled, in `~/.cache/scopestack-sync/node`: the next start loads
 * it and saves half of its CPU. Node keeps it apart by its own version and by user, and takes nothing whose source has
 * changed. Code is run from it, so home and all folders below it have to be this user's own: the one below /tmp that Node
 * would take can be written by others first, and so can the home of another user (`sudo`), where our folders would also be
 * in that user's way. Where there is no such home, or it cannot be written (a container whose file system is read-only),
 * there is no cache, and nothing else is different.
 */
import { mkdirSync, statSync } from 'node:fs'
import { enableCompileCache, getCompileCacheDir } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

const BELOW_HOME = ['.cache', 'scopestack-sync', 'node']

export function cacheCompiledCode(): void {
  // By NODE_COMPILE_CACHE.
  if (getCompileCacheDir() !== undefined) return
  try {
    let folder = homedir()
    if (!isOwn(folder)) return
    // Not left to Node, whose making of a folder never ends where its parent takes none, as below /proc.
    for (const name of BELOW_HOME) {
      folder = join(folder, name)
      makeFolder(folder)
      if (!isOwn(folder)) return
    }
    enableCompileCache(folder)
  } catch {
    // No home, or one that cannot be written.
  }
}

/** Windows has no such ids, and homes that are private. */
const isOwn = (folder: string): boolean => process.geteuid === undefined || statSync(folder).uid === process.geteuid()

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error
  }
}
