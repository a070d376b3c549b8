/**
 * The file of `doctor --bundle`, for a maintainer who helps. Secrets are kept out by construction: only what is listed here is written,
 * and each of it is a number, a time, a flag, or a word of ours (a resource, an outcome, a code, a setting's name). Messages
 * that repeat words of a server are left out, and their codes stand for them; no environment, no address, no record and no
 * request is copied.
 *
 * One JSON file, and no archive: its sender can read all of it first, and it can be pasted into a report.
 */
import { link, lstat, open, rename, rm } from 'node:fs/promises'
import { VERSION } from '../../assemble/remote.ts'
import { bundleNotWritable, usage } from '../../errors/commands.ts'
import { reason } from '../../errors/sync-error.ts'
import { visibleJsonLine } from '../../screen/visible.ts'
import { readServerLog } from '../../store/embedded/server-log.ts'
import { countParkedByCode } from '../../store/outbox/changes.ts'
import { readRecentRuns } from '../../store/runs/recent-runs.ts'
import { readSupport } from '../../sync/discover/support.ts'
import type { Line } from './doctor.ts'
import { settingsForOthers, statusForOthers, driftForOthers, runsForOthers } from './for-others.ts'
import type { Subject } from './subject.ts'

/** Grows when a member is renamed or removed. */
const FORMAT = 1

const RUNS = 20

/** Before the checks, which take a while. @throws SyncError SYNC_USAGE when there is something already. */
export async function checkPlace(path: string): Promise<void> {
  const there = await lstat(path).then(
    () => true,
    () => false,
  )
  if (there) throw usage(`${path} exists already, and is not overwritten. Name another file behind --bundle.`)
}

export async function writeBundle(path: string, subject: Subject, lines: readonly Line[]): Promise<void> {
  const bundle = await bundleOf(subject, lines)
  await writeNew(path, readable(bundle)).catch((error: unknown) => {
    throw bundleNotWritable({ path }, error)
  })
}

/** One member a line, since a person looks through it; a line break in a text is escaped by JSON. */
const readable = (value: object): string =>
  JSON.stringify(value, null, 1)
    .split('\n')
    .map((line) => `${visibleJsonLine(line)}\n`)
    .join('')

async function bundleOf(subject: Subject, lines: readonly Line[]) {
  const sql = await subject.store().then(
    (store) => store.sql,
    () => null,
  )
  const embedded = await subject.store().then(
    (store) => store.embedded ?? null,
    () => null,
  )
  const overview = await orNull(() => subject.overview())
  const isReadable = sql !== null && overview !== null
  return {
    format: FORMAT,
    madeAt: new Date().toISOString(),
    program: { version: VERSION, node: process.version, platform: process.platform, arch: process.arch },
    settings: settingsForOthers(subject.settings),
    doctor: lines.map(lineForOthers),
    schema: await orNull(() => subject.schema()),
    status: overview === null ? null : statusForOthers(overview),
    runs: isReadable ? await orNull(async () => runsForOthers(await readRecentRuns(sql, RUNS))) : null,
    support: isReadable ? await orNull(() => readSupport(sql)) : null,
    drift: overview === null ? null : driftForOthers(overview.drift),
    parkedEdits: isReadable ? await orNull(() => countParkedByCode(sql)) : null,
    log: embedded === null ? null : await orNull(() => readServerLog(embedded)),
  }
}

const lineForOthers = ({ check, level, message, remedy, code, facts, quotes, complete }: Line) => ({
  check,
  level,
  code,
  message: quotes ? null : message,
  remedy: quotes && !complete ? null : remedy,
  facts,
})

/** What cannot be read is why the file is needed. */
const orNull = async <T>(read: () => Promise<T>): Promise<T | null> => await read().catch(() => null)

/** Complete or not at all, and never over another file. */
async function writeNew(path: string, text: string): Promise<void> {
  const scratch = `${path}.${process.pid}.part`
  const file = await open(scratch, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
    await file.close()
    await link(scratch, path).catch(async (error: NodeJS.ErrnoException) => {
      // Some file systems have no hard links.
      if (error.code === 'EEXIST' || (await exists(path))) throw new Error('it is there already', { cause: error })
      if (error.code !== 'EPERM' && error.code !== 'ENOTSUP' && error.code !== 'EOPNOTSUPP')
        throw new Error(reason(error), { cause: error })
      await rename(scratch, path)
    })
  } finally {
    await file.close().catch(() => {})
    await rm(scratch, { force: true })
  }
}

const exists = async (path: string): Promise<boolean> =>
  await lstat(path).then(
    () => true,
    () => false,
  )
