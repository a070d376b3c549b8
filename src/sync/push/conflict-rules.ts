/** SYNC_CONFLICT: `clients=local-wins,projects.project_name=remote-wins`; a rule alone is for everything else. */
import { isEditable, type Resource } from '../../catalog/resource.ts'
import { configInvalid } from '../../errors/commands.ts'
import { RULES, type Rule } from '../../store/changes/change.ts'
import type { Rules } from './conflict.ts'

/** @throws SyncError SYNC_CONFIG with every mistake. */
export function readRules(text: string | undefined, catalog: ReadonlyMap<string, Resource>): Rules {
  const mistakes: string[] = []
  const rules = new Map<string, Rule>()
  for (const part of (text ?? '').split(',').map((one) => one.trim())) {
    if (part === '') continue
    const at = part.indexOf('=')
    const about = part.slice(0, Math.max(0, at)).trim()
    const rule = part.slice(at + 1).trim()
    const meant = at === -1 ? '' : meantBy(about, catalog)
    if (!isRule(rule)) mistakes.push(`SYNC_CONFLICT: "${rule}" is none of ${RULES.join(', ')}.`)
    else if (typeof meant === 'object')
      mistakes.push(`SYNC_CONFLICT: ${about} is nothing that is written. ${meant.instead}`)
    else if (rules.has(meant))
      mistakes.push(`SYNC_CONFLICT: ${meant === '' ? 'two rules stand alone' : `${about} has two rules`}; leave one.`)
    else rules.set(meant, rule)
  }
  if (mistakes.length > 0) throw configInvalid(mistakes)
  return (type, member) => rules.get(`${type}.${member}`) ?? rules.get(type) ?? rules.get('') ?? 'park'
}

/** A resource or a field by either of its names, the API's or the database's, as the API has it; or what can be named. */
function meantBy(about: string, catalog: ReadonlyMap<string, Resource>): string | { readonly instead: string } {
  const [named, ...rest] = about.split('.')
  const written = [...catalog.values()].filter(({ writes }) => writes.length > 0)
  const resource = written.find(({ type, table }) => type === named || table === named)
  if (resource === undefined) return { instead: `There are ${written.map(({ type }) => type).join(', ')}.` }
  if (rest.length === 0) return resource.type
  const fields = resource.columns.filter(isEditable)
  const field = fields.find(({ member, name }) => member === rest.join('.') || name === rest.join('.'))
  if (field !== undefined) return `${resource.type}.${field.member}`
  return { instead: `The fields of ${resource.type} are ${fields.map(({ name }) => name).join(', ')}.` }
}

const isRule = (text: string): text is Rule => RULES.some((rule) => rule === text)
