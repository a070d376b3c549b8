/** What `verify` shows: a line a resource, and below it what differs. */
import { type SyncError, withCode } from '../../errors/sync-error.ts'
import { thousands } from '../../report/words.ts'
import { openLive } from '../../screen/live.ts'
import { stdout } from '../../screen/streams.ts'
import { visible } from '../../screen/visible.ts'
import { clipped } from '../../screen/width.ts'
import type { Difference } from '../../sync/verify/differences.ts'
import type { VerifyResult } from '../../sync/verify/verify.ts'
import { errorJson } from './format.ts'

export interface VerifyScreen {
  begin(resource: string): void
  progress(resource: string, read: number, total: number | null): void
  difference(resource: string, difference: Difference): void
  end(verified: VerifyResult): void
  absent(resource: string): void
  unread(resource: string, why: SyncError): void
  /** @param unread how many more resources could not be read. */
  finish(verified: readonly VerifyResult[], unread: number): void
  abandon(error: unknown): void
}

export const chooseVerifyScreen = ({ json, terminal }: { json: boolean; terminal: boolean }): VerifyScreen =>
  json ? jsonScreen() : textScreen(terminal)

/** Of each resource; the count says how many there are in all. */
const SHOWN = 20
const NAME_WIDTH = 29
const COUNT_WIDTH = 8

function textScreen(terminal: boolean): VerifyScreen {
  const live = terminal ? openLive() : undefined
  const { say } = stdout
  let lines: string[] = []
  let shown = 0
  return {
    begin(resource) {
      lines = []
      shown = 0
      live?.paint(`… ${resource}`)
    },
    progress(resource, read, total) {
      const of = total === null ? '' : ` of ${thousands(total)}`
      live?.paint(`… ${resource.padEnd(NAME_WIDTH)}  ${thousands(read).padStart(COUNT_WIDTH)}${of}`)
    },
    difference(_, difference) {
      if (shown++ < SHOWN) lines.push(...differenceLines(difference))
    },
    end(verified) {
      live?.clear()
      say(verifiedLine(verified))
      say(lines)
      const more = verified.missing + verified.extra + verified.different + verified.refused - Math.min(shown, SHOWN)
      if (more > 0) say(`    … and ${thousands(more)} more; --json shows all`)
      if (verified.doubt !== null) say(`    ${withCode(verified.doubt, 'SYNC_INCOMPLETE')}`)
    },
    absent(resource) {
      live?.clear()
      say(`· ${resource.padEnd(NAME_WIDTH)}  not offered by this account`)
    },
    unread(resource, why) {
      live?.clear()
      say(`✗ ${resource.padEnd(NAME_WIDTH)}  not read: ${why.message}`)
    },
    finish: (all, unread) => say(['', summary(all, unread)]),
    abandon: () => live?.clear(),
  }
}

/** `✓ clients      75  equal`, `! clients      75  1 missing, 2 different` */
export function verifiedLine({
  resource,
  read,
  missing,
  extra,
  different,
  refused,
  repaired,
  edited,
  doubt,
}: VerifyResult): string {
  const counts = { missing, extra, different, refused }
  const parts = Object.entries(counts).filter(([, count]) => count > 0)
  const found = parts.length === 0 ? 'equal' : parts.map(([what, count]) => `${thousands(count)} ${what}`).join(', ')
  const mark = parts.length === 0 && doubt === null ? '✓' : '!'
  const repairs = repaired > 0 ? `; ${thousands(repaired)} repaired` : ''
  return `${mark} ${resource.padEnd(NAME_WIDTH)}  ${thousands(read).padStart(COUNT_WIDTH)}  ${found}${repairs}${edited > 0 ? `; ${notCompared(edited)}` : ''}`
}

/** A value is shown so far; 80 columns hold two of them. */
const LONGEST = 28

export function differenceLines({ id, what, columns, reason: why }: Difference): string[] {
  const head = `    ${what.padEnd(9)}  ${id ?? '(no id)'}${why === null ? '' : `  ${why}`}`
  const lines = columns.map(
    ({ name, remote, mirror }) => `        ${name}: here ${quoted(mirror)}, there ${quoted(remote)}`,
  )
  return [head, ...lines]
}

function quoted(value: string | null): string {
  if (value === null) return 'nothing'
  return clipped(visible(JSON.stringify(value)), LONGEST)
}

/** `10,482 records of 64 resources: 3 differ, 2 repaired; 1 resource not read` */
export function summary(all: readonly VerifyResult[], unread: number): string {
  const sum = (pick: (one: VerifyResult) => number): number => all.reduce((total, one) => total + pick(one), 0)
  const wrong = sum((one) => one.missing + one.extra + one.different + one.refused)
  const repaired = sum((one) => one.repaired)
  const doubtful = all.filter(({ doubt }) => doubt !== null).length
  const edited = sum((one) => one.edited)
  const parts: string[] = []
  if (wrong > 0)
    parts.push(
      `${thousands(wrong)} ${wrong === 1 ? 'differs' : 'differ'}${repaired > 0 ? `, ${thousands(repaired)} repaired` : ''}`,
    )
  if (doubtful > 0) parts.push(`${resources(doubtful)} not compared completely`)
  if (unread > 0) parts.push(`${resources(unread)} not read`)
  if (parts.length === 0) parts.push(`every ${edited > 0 ? 'other ' : ''}row equals its record`)
  const sentence = [...parts, ...(edited > 0 ? [notCompared(edited)] : [])].join('; ')
  return `${thousands(sum((one) => one.read))} records of ${resources(all.length)}: ${sentence}.`
}

const notCompared = (edited: number): string =>
  edited === 1
    ? '1 row with local edits was not compared'
    : `${thousands(edited)} rows with local edits were not compared`

const resources = (count: number): string => `${thousands(count)} resource${count === 1 ? '' : 's'}`

function jsonScreen(): VerifyScreen {
  const say = stdout.json
  return {
    begin: () => {},
    progress: () => {},
    difference: (resource, difference) => say({ type: 'difference', resource, ...difference }),
    end: (verified) => say({ type: 'verified', ...verified }),
    absent: (resource) => say({ type: 'absent', resource }),
    unread: (resource, { code, message }) => say({ type: 'unread', resource, code, message }),
    finish: (all, unread) => say({ type: 'end', resources: all.length, unread }),
    abandon: (error) => say(errorJson(error)),
  }
}
