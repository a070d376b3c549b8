/**
 * "doctor": every check of `checks.ts`, one after the other, on the screen, as JSON, and in a file for others. It exits with 0,
 * with 2 for warnings, with 1 for failures.
 */
import { VERSION } from '../../assemble/remote.ts'
import { doctorStopped } from '../../errors/commands.ts'
import { EXIT } from '../../errors/sync-error.ts'
import { openLive } from '../../screen/live.ts'
import { onTerminal, stdout } from '../../screen/streams.ts'
import { lineOf, plainLines, skippedLine, summaryOf, type Counts } from '../output/doctor-output.ts'
import { inspectSettings } from '../settings.ts'
import type { Call } from '../verb.ts'
import { checkPlace, writeBundle } from './bundle.ts'
import { named, runCheck, type Check, type Source } from './check.ts'
import { CHECKS } from './checks.ts'
import { skip, type Finding } from './finding.ts'
import { openSubject, type Subject } from './subject.ts'

/** A finding with the check that it is of. */
export interface Line extends Finding {
  readonly check: string
  readonly title: string
}

export async function run({ options, signal }: Call): Promise<number> {
  const { json, bundle } = options
  if (typeof bundle === 'string') await checkPlace(bundle)
  const subject = openSubject(inspectSettings(), signal)
  try {
    const lines: Line[] = []
    const screen = openScreen(json === true)
    for await (const line of linesOf(CHECKS, subject, signal, screen.begin)) {
      lines.push(line)
      screen.line(line)
    }
    const counts = countsOf(lines)
    const report = { version: VERSION, result: resultOf(counts), counts, lines: lines.map(forMachines) }
    screen.end(counts)
    if (typeof bundle === 'string') {
      await writeBundle(bundle, subject, lines)
      if (json !== true) stdout.say(['', ...plainLines(`Written: ${bundle}. ${LOOK}`, stdout.columns())])
    }
    if (json === true) stdout.json(report)
    return EXIT_OF[report.result]
  } finally {
    await subject.close()
    // A connection whose peer is gone must not keep the process: everything is closed by now.
    setTimeout(() => process.exit(), LINGER_MS).unref()
  }
}

const LOOK = 'No secret and no record is in it; look through it all the same before you send it.'

const EXIT_OF: Readonly<Record<ReturnType<typeof resultOf>, number>> = {
  ok: EXIT.ok,
  warn: EXIT.notAllOk,
  fail: EXIT.failed,
}

const LINGER_MS = 1_000

/** Each line as soon as it is known. @param begin is called before each check. */
export async function* linesOf(
  checks: readonly Check[],
  subject: Subject,
  signal: AbortSignal,
  begin: (title: string) => void = () => {},
) {
  const silent = new Set<Source>()
  for (const check of checks) {
    const { name, title, source } = check
    begin(title)
    const { findings, late } =
      source !== null && silent.has(source)
        ? {
            findings: [skip(`No response in time from ${named(source)}.`)],
            late: false,
          }
        : await runCheck(check, subject, signal)
    if (signal.aborted) throw doctorStopped()
    if (late && source !== null) silent.add(source)
    for (const finding of findings) yield { check: name, title, ...finding } satisfies Line
  }
}

/** Lines appear as they are known; on a terminal the check that is being made is shown meanwhile. */
function openScreen(json: boolean) {
  const live = !json && onTerminal() ? openLive() : undefined
  /** Skipped for one reason, in a row. */
  let skipped: Line[] = []
  const say = (lines: readonly string[]): void => {
    live?.clear()
    if (!json) stdout.say(lines)
  }
  const flush = (): void => {
    if (skipped.length === 0) return
    const titles = skipped.map(({ title }) => title)
    say(lineOf(skippedLine(titles, skipped[0]!.message), stdout.columns()))
    skipped = []
  }
  return {
    begin: (title: string) => live?.paint(`… ${title}`),
    line(line: Line) {
      if (line.level !== 'skip' || (skipped[0] !== undefined && skipped[0].message !== line.message)) flush()
      if (line.level === 'skip') skipped.push(line)
      else say(lineOf(line, stdout.columns()))
    },
    end(counts: Counts) {
      flush()
      say(['', summaryOf(counts)])
    },
  }
}

const countsOf = (lines: readonly Line[]): Counts => {
  const of = (level: Line['level']): number => lines.filter((line) => line.level === level).length
  return { ok: of('ok'), warn: of('warn'), fail: of('fail'), skip: of('skip') }
}

const resultOf = ({ warn, fail }: Counts): 'ok' | 'warn' | 'fail' => (fail > 0 ? 'fail' : warn > 0 ? 'warn' : 'ok')

const forMachines = ({ check, level, message, remedy, code, facts }: Line) => ({
  check,
  level,
  message,
  remedy,
  code,
  facts,
})
