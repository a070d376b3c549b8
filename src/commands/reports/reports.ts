/** "reports": lists the reports of the database, or shows one as a table, a bar chart, CSV or JSON. Reads only. */
import { withStore, type Store } from '../../assemble/store.ts'
import { nearest } from '../../config/nearest.ts'
import { nothingPulled, usage } from '../../errors/commands.ts'
import { EXIT } from '../../errors/sync-error.ts'
import { stdout } from '../../screen/streams.ts'
import { errorJson, wrapped, WIDTH } from '../output/format.ts'
import { readSettings } from '../settings.ts'
import { wholeNumber, type Call } from '../verb.ts'
import { REPORTS } from './definitions.ts'
import { readFacts, readJson, readRows, wasPulled, type ReportFacts } from './read-report.ts'
import type { Report } from './report.ts'
import { showRows } from './show-rows.ts'
import { PERIODS, type Period, type Request } from './statement.ts'
import { csvOf } from './written.ts'

/** A person does not read more; --csv and --json have all. */
const LISTED = 50

export async function run({ args, options, signal }: Call): Promise<number> {
  const wanted = requestedOf(args, options)
  const config = readSettings({ credentials: false })
  const show = async ({ sql }: Store): Promise<number> => {
    const facts = await readFacts(sql)
    if (wanted === null) list(facts, options)
    else await showOne(sql, wanted, facts.get(wanted.report.view)!)
    return EXIT.ok
  }
  const onFailure = (error: unknown): unknown => {
    if (options['json'] === true) stdout.json(errorJson(error))
    return error
  }
  return await withStore(config, signal, show, { onFailure })
}

interface Wanted {
  readonly report: Report
  readonly request: Request
  readonly as: 'table' | 'chart' | 'csv' | 'json'
}

/** @returns null for the list. @throws SyncError SYNC_USAGE before anything is opened. */
function requestedOf([name]: readonly string[], options: Call['options']): Wanted | null {
  const { csv, json, chart } = options
  const formats = Object.entries({ '--csv': csv, '--json': json, '--chart': chart }).flatMap(([flag, on]) =>
    on === true ? [flag] : [],
  )
  if (formats.length > 1) throw usage(`${formats.join(' and ')} exclude each other.`)
  if (name === undefined) {
    const given = ['since', 'by', 'outcome', 'limit', 'chart'].find((option) => options[option] !== undefined)
    if (given !== undefined) throw usage(`--${given} is for one report: name it. "reports" alone lists them.`)
    return null
  }
  const report = reportOf(name)
  return {
    report,
    request: {
      since: sinceOf(report, options['since']),
      by: byOf(report, options['by']),
      outcome: outcomeOf(report, options['outcome']),
      limit: wholeNumber(options, 'limit', 1),
    },
    as: csv === true ? 'csv' : json === true ? 'json' : chart === true ? 'chart' : 'table',
  }
}

/** The name of its view is understood, too. */
function reportOf(typed: string): Report {
  const name = typed
    .trim()
    .toLowerCase()
    .replace(/^scopestack\./, '')
    .replaceAll('_', '-')
    .replace(/^report-/, '')
  const found = REPORTS.find((report) => report.name === name)
  if (found !== undefined) return found
  const names = REPORTS.map((report) => report.name)
  throw usage(`"${typed}" is no report; did you mean ${nearest(name, names)!}?`, `All of them: ${names.join(', ')}.`)
}

const DAY = /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/

function sinceOf({ name, period }: Report, given: Call['options'][string]): string | undefined {
  if (given === undefined) return undefined
  if (period === null) throw lacks(name, '--since', ({ period: other }) => other !== null)
  const [, year, month = '01', day = '01'] = DAY.exec(String(given)) ?? []
  const text = `${year}-${month}-${day}`
  // A day that does not exist becomes another one, as February 30 becomes March 2.
  const isDay = year !== undefined && Number(year) > 0 && new Date(`${text}T00:00:00Z`).toJSON()?.slice(0, 10) === text
  if (!isDay)
    throw usage(`--since takes a day such as 2026-07-01, a month (2026-07) or a year, not "${String(given)}".`)
  return text
}

const isSummable = ({ period, isState }: Report): boolean => period !== null && isState !== true

function byOf(report: Report, given: Call['options'][string]): Period | undefined {
  if (given === undefined) return undefined
  const known = PERIODS.find((one) => one === given)
  if (known === undefined) {
    throw usage(
      `--by takes ${PERIODS.join(', ')}, not "${String(given)}"; did you mean ${nearest(String(given), PERIODS)!}?`,
    )
  }
  if (!isSummable(report)) throw lacks(report.name, '--by', isSummable)
  return known
}

const OUTCOMES = ['open', 'won', 'lost', 'canceled', 'archived']

const hasOutcome = ({ keys, shown }: Report): boolean =>
  keys.includes('outcome') || (shown?.includes('outcome') ?? false)

function outcomeOf(report: Report, given: Call['options'][string]): string | undefined {
  if (given === undefined) return undefined
  if (!OUTCOMES.includes(String(given))) {
    throw usage(
      `--outcome takes ${OUTCOMES.join(', ')}, not "${String(given)}"; did you mean ${nearest(String(given), OUTCOMES)!}?`,
    )
  }
  if (!hasOutcome(report)) throw lacks(report.name, '--outcome', hasOutcome)
  return String(given)
}

const lacks = (name: string, option: string, takes: (report: Report) => boolean) =>
  usage(
    `"${name}" does not take ${option}.`,
    `It is for ${REPORTS.filter(takes)
      .map((report) => report.name)
      .join(', ')}.`,
  )

function list(facts: ReadonlyMap<string, ReportFacts>, { csv, json }: Call['options']): void {
  const found = REPORTS.map(({ name, view }) => ({ name, view: `scopestack.${view}`, ...facts.get(view)! }))
  const width = Math.max(40, (stdout.columns() ?? WIDTH + 2) - 2)
  if (json === true) for (const { name, view, about, grain } of found) stdout.json({ name, view, about, grain })
  else if (csv === true) {
    const columns = ['name', 'view', 'about', 'grain'].map((name) => ({ name, type: 'text' }))
    for (const line of csvOf({
      columns,
      values: found.map(({ name, view, about, grain }) => [name, view, about, grain]),
    }))
      stdout.exact(line)
  } else {
    const lines = found.flatMap(({ name, about, grain }) => [
      name,
      ...wrapped(about, '  ', width),
      ...wrapped(grain, '  ', width),
      '',
    ])
    stdout.say([...lines, 'One of them: reports NAME. In SQL each is a view: scopestack.report_projects, and so on.'])
  }
}

async function showOne(sql: Store['sql'], { report, request, as }: Wanted, facts: ReportFacts): Promise<void> {
  if (as === 'json') {
    const lines = await readJson(sql, report, request, facts)
    for (const line of lines) stdout.exact(`${line}\n`)
    if (lines.length > 0) return
  } else if (as === 'csv') {
    const rows = await readRows(sql, report, request, facts)
    for (const line of csvOf(rows)) stdout.exact(line)
    if (rows.values.length > 0) return
  } else {
    // One more than is shown tells whether there are more.
    const most = request.limit ?? (stdout.terminal ? LISTED : undefined)
    const rows = await readRows(sql, report, { ...request, limit: most === undefined ? undefined : most + 1 }, facts)
    stdout.say(showRows(report, request.by, facts, rows, { most, chart: as === 'chart', width: stdout.columns() }))
    if (rows.values.length > 0) return
  }
  if (!(await wasPulled(sql))) throw nothingPulled()
}
