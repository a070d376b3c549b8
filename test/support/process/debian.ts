/**
 * A server program for the tests: one in PATH, else Debian's package, unpacked rather than installed: it needs no root and no
 * service, and leaves only a folder of a few MB in ~/.cache.
 */
import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

export interface Program {
  readonly file: string
  /** For LD_LIBRARY_PATH, unless the program is the system's. */
  readonly libraries: string | undefined
}

interface Wanted {
  /** Its names in PATH, the best first. */
  readonly names: readonly string[]
  /** Debian's packages, the file in the first of them, and the name pattern of the packages of its libraries. */
  readonly debian: { readonly packages: readonly string[]; readonly file: string; readonly libraries: RegExp }
  /** Folders outside an ordinary user's PATH. */
  readonly folders?: readonly string[]
}

/** @throws if there is none, and no mirror of Debian is reachable. */
export async function findProgram({ names, debian, folders = [] }: Wanted): Promise<Program> {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), ...folders]) {
    for (const name of names) {
      const file = join(folder, name)
      if (folder !== '' && (await exists(file))) return { file, libraries: undefined }
    }
  }
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'scopestack-sync')
  const root = join(cache, `${debian.packages[0]!.replace(/-server$/, '')}-debian`)
  const kept = await unpackedIn(root, debian.file)
  if (kept !== undefined) return kept
  await unpackDebian(root, debian)
  const unpacked = await unpackedIn(root, debian.file)
  if (unpacked === undefined) throw new Error(`${debian.file} is not in ${debian.packages.join(', ')}`)
  return unpacked
}

export const environmentOf = ({ libraries }: Program): NodeJS.ProcessEnv => ({
  ...process.env,
  ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }),
})

// --- internal ---

async function unpackedIn(root: string, inside: string): Promise<Program | undefined> {
  const file = join(root, inside)
  if (!(await exists(file))) return undefined
  const [triplet] = (await readdir(join(root, 'usr/lib')).catch(() => [])).filter((name) => name.includes('-linux-gnu'))
  return { file, libraries: join(root, 'usr/lib', triplet ?? '') }
}

/** For a local program, and for a download: a mirror that never responds must not hold up the tests. */
const LOCAL = { timeout: 60_000, killSignal: 'SIGKILL' } as const
const FETCH = { timeout: 180_000, killSignal: 'SIGKILL' } as const
const APT = ['-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=20', '-o', 'Acquire::https::Timeout=20']

const run = promisify(execFile)

async function unpackDebian(root: string, { packages, libraries }: Wanted['debian']): Promise<void> {
  // Beside its final place, since a rename does not cross file systems.
  await mkdir(dirname(root), { recursive: true })
  const folder = await mkdtemp(join(dirname(root), 'apt-'))
  await mkdir(join(folder, 'lists/partial'), { recursive: true })
  await mkdir(join(folder, 'cache/archives/partial'), { recursive: true })
  // With package lists of its own, since the machine's may be missing, and only root may update those.
  const own = [
    '-o',
    `Dir::State::lists=${folder}/lists`,
    '-o',
    `Dir::Cache=${folder}/cache`,
    '-o',
    'APT::Sandbox::User=',
  ]
  const apt = (command: string, args: readonly string[], options: readonly string[]) =>
    run(command, [...APT, ...options, ...args], { cwd: folder, ...FETCH })
  try {
    const known = await apt('apt-cache', ['show', packages[0]!], []).then(
      ({ stdout }) => stdout !== '',
      () => false,
    )
    const options = known ? ['-o', 'APT::Sandbox::User='] : own
    if (!known) await apt('apt-get', ['update', '-q'], options)
    const { stdout } = await apt('apt-cache', ['depends', '--important', ...packages], options)
    const needed = [...stdout.matchAll(/^\s*\|?Depends: (\S+)$/gm)].map(([, name]) => name!)
    const wanted = new Set([...packages, ...needed.filter((name) => libraries.test(name) && name !== 'libc6')])
    await apt('apt-get', ['download', ...wanted], options)
    for (const name of (await readdir(folder)).filter((entry) => entry.endsWith('.deb'))) {
      await run('dpkg-deb', ['-x', name, 'root'], { cwd: folder, ...LOCAL })
    }
    // Atomically, so that a concurrent run never sees a part of it.
    await rename(join(folder, 'root'), root).catch(async (error: unknown) => {
      if (!(await exists(root))) throw error
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
