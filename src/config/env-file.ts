/**
 * Lines of `.env`, as dotenv reads them (Node's own parser), with what editors of other systems put there: a byte order mark,
 * and line ends of two kinds. What the format reads otherwise than many expect is said.
 */
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { reason } from '../errors/sync-error.ts'

export interface EnvFile {
  readonly values: Readonly<Record<string, string | undefined>>
  /** Sentences about lines that may not say what was meant; none of them shows a value. */
  readonly notes: readonly string[]
}

/** @throws Error with a sentence when it is there and cannot be read; undefined when it is not there. */
export function readEnvFile(path: string): EnvFile | undefined {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw new Error(`${path} cannot be read: ${reason(error)}`, { cause: error })
  }
  return parseEnvFile(bytes, path)
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

export function parseEnvFile(bytes: Buffer, path: string): EnvFile {
  // Windows' editors save "Unicode" as UTF-16: every second byte of it is 0 in a file of settings.
  if (bytes.includes(0)) throw new Error(`${path} is not a text in UTF-8 (UTF-16, as it seems); save it as UTF-8`)
  // A decoder takes the mark off.
  const text = new TextDecoder().decode(bytes).replace(/\r\n?/g, '\n')
  return { values: parseEnv(text), notes: notesOn(text, path) }
}

const SETTING = /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*(.*)$/

function notesOn(text: string, path: string): string[] {
  const notes: string[] = []
  const lines = text.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!.trim()
    const where = `${path}, line ${at + 1}`
    if (line === '' || line.startsWith('#')) continue
    const [, name, given] = SETTING.exec(lines[at]!) ?? []
    if (name === undefined || given === undefined) {
      notes.push(`${where} is no setting and was passed over: a setting is NAME=value.`)
      continue
    }
    const quote = given[0] ?? ''
    const isQuoted = quote !== '' && `"'\``.includes(quote)
    const end = isQuoted ? lines.findIndex((one, index) => index >= at && closes(one, quote, index === at)) : -1
    if (end >= 0) at = end
    else if (isQuoted)
      notes.push(`${where}: the quote before the value of ${name} is not closed, and was taken for a part of it.`)
    else if (isCut(given)) {
      notes.push(
        `${where}: the value of ${name} ends before its #, which begins a comment. Put it in quotes ("…") if the # belongs to it.`,
      )
    }
  }
  return notes
}

/** @param first the line that the quote opens on: there it is looked for behind the opening one. */
const closes = (line: string, quote: string, first: boolean): boolean =>
  line.indexOf(quote, first ? line.indexOf(quote) + 1 : 0) >= 0

/** A comment has a blank before its `#`, or behind it where there is no value: else it looks like a password. */
function isCut(given: string): boolean {
  const at = given.indexOf('#')
  if (at < 0) return false
  return at === 0 ? /^#[^\s#]/.test(given) : /\S/.test(given[at - 1]!)
}
