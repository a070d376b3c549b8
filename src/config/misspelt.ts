/** Variables that the program does not read: a misspelt name would be ignored in silence, every night, for years. */
import { nearest } from './nearest.ts'

/** Kubernetes gives every pod these for a Service that is called `scopestack-sync`. */
const SERVICE_LINK = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_(ADDR|PORT|PROTO))?)?)$/

const OURS = /^(SYNC|SCOPESTACK)_/i

/** Names that are near one of ours, and that other programs read. */
const OTHERS: ReadonlySet<string> = new Set(['HTTPS_PORT', 'HTTPS_HOST', 'HTTP_PROXY', 'http_proxy', 'HTTP_POST'])

/** More edits are another word, and the name that of another program. */
const EDITS = 2
/** Behind our prefix everything is meant for us. */
const EDITS_OF_OURS = 4
/** Of a shorter word two letters are too much of it. */
const LEAST_LETTERS = 7

/** @param known every name that is read. */
export function misspelt(env: Readonly<Record<string, string | undefined>>, known: ReadonlySet<string>): string[] {
  return Object.keys(env).flatMap((name) => {
    if (known.has(name) || SERVICE_LINK.test(name)) return []
    const suggestion = suggestionFor(name, known)
    if (OURS.test(name)) {
      return `${name} is not a setting. ${suggestion === undefined ? 'The settings are in .env.example.' : `Did you mean ${suggestion}?`}`
    }
    // The name of another program, unless one of ours seems to be missing for it.
    if (suggestion === undefined || OTHERS.has(name) || isSet(env, suggestion) || !isSet(env, name)) return []
    return `${name} is not a setting. Did you mean ${suggestion}?`
  })
}

const isSet = (env: Readonly<Record<string, string | undefined>>, name: string): boolean =>
  (env[name]?.trim() ?? '') !== '' || env[`${name}_FILE`] !== undefined || env[name.toLowerCase()] !== undefined

function suggestionFor(name: string, known: ReadonlySet<string>): string | undefined {
  const word = name.toUpperCase()
  const isOurs = OURS.test(name)
  if (!isOurs && word.length < LEAST_LETTERS) return undefined
  const names = [...known].filter((one) => isOurs || (one[0] === word[0] && !OURS.test(one)))
  // SYNC_DATABASE_URL
  const bare = word.replace(OURS, '')
  if (isOurs && known.has(bare)) return bare
  return nearest(word, names, isOurs ? EDITS_OF_OURS : EDITS)
}
