/** Changes records, by the API or by a test, together with the values that depend on them. */
import { idOf, type Content, type Fields, type Rec, type Records } from '../records/records.ts'
import type { Switches } from '../switches.ts'

export interface Changes {
  create(type: string, id: string | null, content: Content, options?: ChangeOptions): Rec
  update(rec: Rec, change: Partial<Content>, options?: ChangeOptions): void
  remove(rec: Rec, options?: ChangeOptions): void
}

/** `touch: false` leaves `updated-at` as it is, `cascade: false` leaves the parts of a deleted record behind. */
export interface ChangeOptions {
  readonly touch?: boolean
  readonly cascade?: boolean
}

/** Names that a project copies from its to-ones. */
const copiedNames: Readonly<Record<string, { readonly link: string; readonly attribute: string }>> = {
  clients: { link: 'client', attribute: 'client-name' },
  'presales-engineers': { link: 'presales-engineer', attribute: 'presales-engineer-name' },
  'sales-executives': { link: 'sales-executive', attribute: 'sales-executive-name' },
}

export function createChanges(deps: { records: Records; switches: Switches; now: () => number }): Changes {
  const { records, switches } = deps
  const timestamp = (): string => new Date(deps.now()).toISOString()

  function withUpdatedAt(type: string, attributes: Fields, options: ChangeOptions): Fields {
    const has = records.table(type)?.model.attributes['updated-at'] !== undefined
    return has && options.touch !== false && !('updated-at' in attributes)
      ? { ...attributes, 'updated-at': timestamp() }
      : attributes
  }

  /** Whether editing a child bumps the project is unknown (API notes §10, question 2), so it is a switch. */
  function touchProject(rec: Rec, options: ChangeOptions): void {
    if (rec.type === 'projects' || options.touch === false || !switches.childBumpsProject) return
    const scope = records.table(rec.type)?.model.scope
    const id = idOf(rec.toOne['project'])
    const project = scope === 'project' && id !== null ? records.get('projects', id) : undefined
    if (project !== undefined) records.update(project, { attributes: { 'updated-at': timestamp() } })
  }

  /** The copies change without a new `updated-at`, so an incremental read cannot see them. */
  function copyName(rec: Rec, attributes: Fields): void {
    const copy = copiedNames[rec.type]
    if (copy === undefined || !('name' in attributes)) return
    for (const project of records.referring('projects', copy.link, rec.id)) {
      records.update(project, { attributes: { [copy.attribute]: attributes['name'] } })
    }
  }

  function remove(rec: Rec, options: ChangeOptions = {}): void {
    if (!records.get(rec.type, rec.id)) return
    if (options.cascade !== false) for (const part of partsOf(records, rec)) remove(part, { ...options, touch: false })
    records.remove(rec)
    touchProject(rec, options)
  }

  return {
    create(type, id, content, options = {}) {
      const rec = records.add(type, id ?? records.nextId(type), {
        ...content,
        attributes: withUpdatedAt(type, content.attributes, options),
      })
      touchProject(rec, options)
      return rec
    },
    update(rec, change, options = {}) {
      touchProject(rec, options)
      records.update(rec, { ...change, attributes: withUpdatedAt(rec.type, change.attributes ?? {}, options) })
      touchProject(rec, options)
      copyName(rec, change.attributes ?? {})
    },
    remove,
  }
}

function partsOf(records: Records, rec: Rec): Rec[] {
  if (rec.type === 'project-services') return records.referring('project-subservices', 'project-service', rec.id)
  if (rec.type !== 'projects') return []
  const parts: Rec[] = []
  for (const { model } of records.tables()) {
    if (model.scope === 'project' && model.toOne['project'] !== undefined)
      parts.push(...records.referring(model.type, 'project', rec.id))
  }
  return parts
}
