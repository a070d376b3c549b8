/** SYNC_CONFLICT: `clients=local-wins,projects.project-name=remote-wins`; a rule alone is for everything else. */
import { configInvalid } from '../errors.ts'
import type { Resource } from '../resource.ts'
import type { Rule, Rules } from './conflict.ts'

const RULES: readonly string[] = ['park', 'remote-wins', 'local-wins'] satisfies Rule[]

/** @throws SyncError SYNC_CONFIG with every mistake. */
export function readRules(text: string | undefined, catalog: ReadonlyMap<string, Resource>): Rules {
  const mistakes: string[] = []
  const rules = new Map<string, Rule>()
  for (const part of (text ?? '').split(',').map((one) => one.trim())) {
    if (part === '') continue
    const [about, rule] = part.includes('=') ? (part.split('=', 2) as [string, string]) : ['', part]
    if (!RULES.includes(rule)) mistakes.push(`SYNC_CONFLICT: "${rule}" is none of ${RULES.join(', ')}.`)
    else if (about !== '' && !exists(about, catalog))
      mistakes.push(`SYNC_CONFLICT: ${about} is nothing that is written.`)
    else rules.set(about, rule as Rule)
  }
  if (mistakes.length > 0) throw configInvalid(mistakes)
  return (type, member) => rules.get(`${type}.${member}`) ?? rules.get(type) ?? rules.get('') ?? 'park'
}

function exists(about: string, catalog: ReadonlyMap<string, Resource>): boolean {
  const [type = '', member] = about.split('.', 2)
  const resource = catalog.get(type)
  if (resource === undefined || resource.writes.length === 0) return false
  return member === undefined || resource.columns.some((column) => column.member === member && column.writable)
}
