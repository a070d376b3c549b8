import { accessSync, constants } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * Keeps what Node makes of each source file, without types and compiled, in `~/.cache/scopestack-sync/node`: the next start loads
 * it and saves half of its CPU. Node keeps it apart by its own version and by user, and takes nothing whose source has
 * changed. In the user's own folder, since code is run from it: the one below /tmp that Node would take can be written by
 * others first. Where there is no home, or it cannot be written (a container whose file system is read-only), there is no
 * cache, and nothing else is different.
 */
export function cacheCompiledCode(): void {
  try {
    const home = homedir()
    // Node's own making of the folder never ends where its parent takes none, as below /proc.
    accessSync(home, constants.W_OK)
    enableCompileCache(join(home, '.cache/scopestack-sync/node'))
  } catch {
    // No home, or one that cannot be written.
  }
}
