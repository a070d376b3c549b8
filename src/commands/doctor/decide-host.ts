/** What the settings, the clock and the disk of this host are like. Pure: a fact comes in, a line goes out. */
import type { InspectedConfig } from '../../config/config.ts'
import { many } from '../../report/words.ts'
import { size } from './decide-database.ts'
import { fail, ok, warn, type Finding } from './finding.ts'

export function decideSettings({ mistakes, given }: Pick<InspectedConfig, 'mistakes' | 'given'>): readonly Finding[] {
  if (mistakes.length === 0)
    return [ok(`All can be used; ${many(given.size, 'setting')} given, the rest by default.`, { given: given.size })]
  return mistakes.map((mistake) =>
    // A mistake may name a file, or a variable of another program.
    fail(mistake, 'Correct it; .env.example describes every setting.', {
      code: 'SYNC_CONFIG',
      quotes: true,
      complete: true,
    }),
  )
}

export const decideHostClock = (notice: string | null): Finding =>
  notice === null
    ? ok("This host's clock agrees with the database's.", { off: false })
    : warn(notice, 'Set the clock of this host right (chrony or systemd-timesyncd do).', {
        complete: true,
        facts: { off: true },
      })

export interface Disk {
  /** Null: it is not the embedded server. */
  readonly free: number | null
  readonly database: number
}

const DISK_FULL = 500_000_000
const DISK_SHORT = 2_000_000_000

/** The write-ahead log of the embedded Postgres alone may take 1 GB. */
export function decideDisk({ free, database }: Disk): Finding {
  if (free === null) return ok('That of the database server, which cannot be seen from here.')
  const facts = { free, database }
  const said = `${size(free)} free`
  const remedy = 'Make room on that disk, or set DATABASE_URL to a PostgreSQL of your own.'
  if (free < DISK_FULL) return fail(`${said}: too little to go on.`, remedy, { code: 'SYNC_DATABASE_FULL', facts })
  if (free < Math.max(DISK_SHORT, database))
    return warn(`${said}, which is short; the database has ${size(database)}.`, remedy, { facts })
  return ok(`${said}; the database has ${size(database)}.`, facts)
}
