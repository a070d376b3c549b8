/** Where the embedded Postgres keeps its data, and which account it runs as. */
import { createHash } from 'node:crypto'
import { chmod, lstat, mkdir, realpath, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

/** The account that the server runs as. Undefined: our own. */
export interface Account {
  uid: number
  gid: number
}

export interface Location {
  folder: string
  account: Account | undefined
}

/** `nobody`: Postgres does not run as root, and needs a uid in /etc/passwd; we do not create users. */
const UNPRIVILEGED: Account = { uid: 65534, gid: 65534 }

/**
 * Root runs the server under another account, which must be able to reach the data. If it cannot (a home directory of mode 700),
 * the data goes below the temp directory, under a name derived from the requested path, so that the next start finds it.
 */
export async function prepareLocation(wanted: string): Promise<Location> {
  const folder = resolve(wanted)
  if (process.getuid?.() !== 0) {
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
      throw new Error(`The embedded Postgres cannot make its folder ${folder}. ${ELSEWHERE}`, { cause })
    })
    return { folder, account: undefined }
  }

  const account = (await ownerOf(join(folder, 'data'))) ?? UNPRIVILEGED
  if (await isReachable(dirname(folder), account)) {
    await mkdir(folder, { recursive: true })
    // A mount may not allow it, even for root.
    if (!(await isReachable(folder, account))) await chmod(folder, PASS_THROUGH).catch(() => {})
    // Checked again: a strict umask also applies to the parents that mkdir has created.
    if (await isReachable(folder, account)) return { folder, account }
  }
  return { folder: await prepareInTemp(folder), account: UNPRIVILEGED }
}

/** The folder of an embedded Postgres that was made before; null when there is none. Creates nothing. */
export async function findLocation(wanted: string): Promise<string | null> {
  const folder = resolve(wanted)
  for (const place of [folder, ...tempFolders().map((temp) => join(temp, nameInTemp(folder)))]) {
    if ((await stat(join(place, 'data')).catch(() => undefined)) !== undefined) return place
  }
  return null
}

/** Whether `account` can reach `path`, by mode bits. Parts that do not exist yet are ignored. */
export async function isReachable(path: string, account: Account): Promise<boolean> {
  let at = await nearestExisting(path)
  for (;;) {
    const { mode, uid, gid } = await stat(at)
    const search = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
    if ((mode & search) === 0) return false
    const parent = dirname(at)
    if (parent === at) return true
    at = parent
  }
}

// --- internal ---

const ELSEWHERE = 'Run it in a directory you may write to, or set DATABASE_URL to a PostgreSQL of your own.'

/** Other accounts may reach what they own inside, and may not list the folder. */
const PASS_THROUGH = 0o711

const tempFolders = (): string[] => [tmpdir(), '/var/tmp', '/tmp']

const nameInTemp = (folder: string): string =>
  `scopestack-sync-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`

async function prepareInTemp(folder: string): Promise<string> {
  const name = nameInTemp(folder)
  for (const temp of tempFolders()) {
    if (!(await isReachable(temp, UNPRIVILEGED))) continue
    const place = join(temp, name)
    await mkdir(place, { recursive: true })
    // The name can be guessed: another user could have created it, as a link or as a folder of their own.
    const found = await lstat(place)
    if (!found.isDirectory() || found.uid !== 0) {
      throw new Error(`${place} is there already and is not root's own directory. Remove it, or set DATABASE_URL.`)
    }
    await chmod(place, PASS_THROUGH)
    return place
  }
  throw new Error(
    `No temp directory can be reached by uid ${UNPRIVILEGED.uid}, which runs Postgres for root. ${ELSEWHERE}`,
  )
}

/** Data of an ordinary user keeps its owner when root starts the server. */
async function ownerOf(path: string): Promise<Account | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found && found.uid !== 0 ? { uid: found.uid, gid: found.gid } : undefined
}

async function nearestExisting(path: string): Promise<string> {
  for (let at = resolve(path); ; at = dirname(at)) {
    const real = await realpath(at).catch(() => undefined)
    if (real !== undefined) return real
  }
}
