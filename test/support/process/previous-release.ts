/** The previous release, which has to work beside this one on the same database. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { leftOut } from './installed.ts'

/**
 * The commit of the last release, which users run: the next release has to work beside it. Move it when a version is
 * released, to its commit.
 */
const PREVIOUS_RELEASE = '85417c9'

const ROOT = join(import.meta.dirname, '../../..')
const run = promisify(execFile)
const LIMIT = { timeout: 60_000, killSignal: 'SIGKILL' } as const

export type PreviousRelease = AsyncDisposable & { readonly program: string }

/** Its sources, with the packages of this checkout. Undefined if the history does not reach that far (a shallow clone, an archive). */
export async function previousRelease(): Promise<PreviousRelease | undefined> {
  const git = (...args: string[]) => run('git', ['-C', ROOT, '-c', `safe.directory=${ROOT}`, ...args], LIMIT)
  const known = await git('cat-file', '-e', `${PREVIOUS_RELEASE}^{commit}`).then(
    () => true,
    () => false,
  )
  if (!known) return leftOut(`the history has no commit ${PREVIOUS_RELEASE}, the previous release`)
  const folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-previous-'))
  const archive = join(folder, 'previous.tar')
  await git('archive', '--format=tar', `--output=${archive}`, PREVIOUS_RELEASE, 'src', 'migrations', 'package.json')
  await run('tar', ['-xf', archive, '-C', folder], LIMIT)
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return {
    program: join(folder, 'src/cli.ts'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
