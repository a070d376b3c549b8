/** "dictionary": describes the tables for those who read them, from the catalog and from the database. It changes nothing there. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { EMBEDDED_FOLDER, withStore } from '../assemble/store.ts'
import { catalog } from '../catalog/registry.ts'
import { nearest } from '../config/nearest.ts'
import { dbtSources } from '../dictionary/dbt.ts'
import { catalogDictionary, nameOf, onlyTables, tablesOf, type Dictionary } from '../dictionary/dictionary.ts'
import { accountDictionary } from '../dictionary/facts.ts'
import { markdownDictionary } from '../dictionary/markdown.ts'
import { dictionaryPage, MARK } from '../dictionary/page.ts'
import { dictionaryNotWritable, usage } from '../errors/commands.ts'
import { EXIT, hasCode } from '../errors/sync-error.ts'
import { stderr, stdout } from '../screen/streams.ts'
import { findLocation } from '../store/embedded/location.ts'
import { dictionaryLines } from './output/dictionary-output.ts'
import { readSettings } from './settings.ts'
import type { Call } from './verb.ts'

export async function run(call: Call): Promise<number> {
  const { args, options } = call
  const form = formOf(options)
  const file = options['html']
  if (typeof file === 'string' && file !== '-') await checkFile(file)
  const names = args.map((name) =>
    name
      .trim()
      .toLowerCase()
      .replaceAll('-', '_')
      .replace(/^scopestack\./, ''),
  )
  const all = await read(call, names)
  checkNames(all, names)
  const dictionary = onlyTables(all, names)
  if (form === 'json') stdout.json(dictionary)
  else if (form === 'dbt') stdout.say(linesOf(dbtSources(dictionary)))
  else if (form === 'markdown') stdout.say(linesOf(markdownDictionary(dictionary)))
  else if (file === '-') stdout.say(linesOf(dictionaryPage(dictionary)))
  else if (typeof file === 'string') {
    await replaceFile(file, dictionaryPage(dictionary))
    stdout.say(`${file} describes ${tablesOf(dictionary).length} tables and views.`)
  } else stdout.say(dictionaryLines(dictionary, { columns: names.length > 0, width: stdout.columns() }))
  return EXIT.ok
}

/** @throws SyncError SYNC_USAGE when two are wanted. */
function formOf(options: Call['options']): 'html' | 'markdown' | 'json' | 'dbt' | undefined {
  const given = (['html', 'markdown', 'json', 'dbt'] as const).filter((form) => options[form] !== undefined)
  if (given.length > 1) throw usage(`Only one of ${given.map((form) => `--${form}`).join(' and ')} at a time.`)
  return given[0]
}

async function read({ options, signal }: Call, names: readonly string[]): Promise<Dictionary> {
  const known = catalogDictionary(catalog)
  if (options['catalog'] === true) return known
  const config = readSettings({ credentials: false })
  if (config.databaseUrl === undefined && (await findLocation(EMBEDDED_FOLDER)) === null) {
    stderr.say('DATABASE_URL is not set, and no embedded Postgres is here: this is what every account has.')
    return known
  }
  const wanted = { names, counts: options['counts'] !== false, values: options['values'] !== false }
  try {
    return await withStore(config, signal, ({ sql }) => accountDictionary(sql, known, wanted, signal))
  } catch (error) {
    const isAway = hasCode(error, 'SYNC_DATABASE_UNREACHABLE') || hasCode(error, 'SYNC_DATABASE_REFUSED')
    if (isAway) stderr.say('With --catalog, "dictionary" shows what every account has, without a database.')
    throw error
  }
}

/** @throws SyncError SYNC_USAGE naming each that is no table. */
function checkNames(dictionary: Dictionary, names: readonly string[]): void {
  const known = tablesOf(dictionary).map(nameOf)
  const lines = names
    .filter((name) => !known.includes(name))
    .map((name) => `"${name}" is no table that this shows; did you mean ${nearest(name, known) ?? 'none'}?`)
  if (lines.length > 0) throw usage(lines[0]!, ...lines.slice(1))
}

const linesOf = (text: string): string[] => text.trimEnd().split('\n')

/** Before anything is read. @throws SyncError SYNC_USAGE when the file is another one. */
async function checkFile(path: string): Promise<void> {
  const held = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw dictionaryNotWritable({ path }, error)
  })
  if (held !== null && !held.includes(MARK))
    throw usage(`${path} exists, and was not made by "dictionary --html": it is left alone. Name another file.`)
}

/** Beside it first, so that a reader never has half of it. */
async function replaceFile(path: string, text: string): Promise<void> {
  const part = `${path}.${process.pid}.part`
  try {
    await writeFile(part, text, { flag: 'wx' })
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw dictionaryNotWritable({ path }, error)
  }
}
