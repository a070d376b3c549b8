/** "Do this when page N of a list is served": records that come and go while a client reads. */
import type { Fields, Linkage } from '../records/records.ts'
import type { RawRecords } from '../write/raw-records.ts'

export type Step =
  | {
      readonly create: {
        readonly type: string
        readonly id?: string
        readonly attributes?: Fields
        readonly relationships?: Record<string, Linkage | string[]>
      }
    }
  | {
      readonly update: {
        readonly type: string
        readonly id: string
        readonly attributes?: Fields
        readonly relationships?: Record<string, Linkage | string[]>
      }
    }
  | { readonly delete: { readonly type: string; readonly id: string } }

export interface ScriptRule {
  readonly id: string
  readonly when: { readonly type: string; readonly page: number | null }
  readonly do: readonly Step[]
  readonly once: boolean
  /** whether the steps run before the page is read, or after it was sent */
  readonly at: 'before' | 'after'
}

export interface Script {
  add(rule: Omit<ScriptRule, 'id'>): ScriptRule
  list(): ScriptRule[]
  clear(): void
  /** runs the rules that are due; returns how many ran */
  play(type: string, page: number, at: ScriptRule['at']): number
}

export function createScript(raw: RawRecords): Script {
  const rules = new Map<string, ScriptRule>()
  let last = 0
  return {
    add(rule) {
      last += 1
      const added: ScriptRule = { ...rule, id: String(last) }
      rules.set(added.id, added)
      return added
    },
    list: () => [...rules.values()],
    clear: () => {
      rules.clear()
    },
    play(type, page, at) {
      let played = 0
      for (const rule of rules.values()) {
        if (rule.at !== at || rule.when.type !== type || (rule.when.page !== null && rule.when.page !== page)) continue
        if (rule.once) rules.delete(rule.id)
        played += 1
        for (const step of rule.do) run(raw, step)
      }
      return played
    },
  }
}

/** A record that is deleted already, or exists already, does not fail the page that is being served. */
function run(raw: RawRecords, step: Step): void {
  if ('create' in step) {
    const { type, id } = step.create
    if (id === undefined || raw.read(type, id) === null) raw.create(type, step.create)
  } else if ('update' in step) {
    if (raw.read(step.update.type, step.update.id) !== null) raw.update(step.update.type, step.update.id, step.update)
  } else if (raw.read(step.delete.type, step.delete.id) !== null) raw.remove(step.delete.type, step.delete.id)
}
