import { idOf, type Content, type Fields, type Rec, type Records } from '../records/records.ts'
import type { Switches } from '../switches.ts'

/** ChangeOptions data changes, whoever changes it: what moves along with a record. */
export interface Changes {
  create(type: string, id: string | null, content: Content, how?: ChangeOptions): Rec
  update(rec: Rec, change: Partial<Content>, how?: ChangeOptions): void
  remove(rec: Rec, how?: ChangeOptions): void
}

/** `touch: false` leaves `updated-at` as it is, `cascade: false` leaves the parts of a deleted record behind. */
export interface ChangeOptions {
  readonly touch?: boolean
  readonly cascade?: boolean
}

/** Names that a project repeats from what it points at. */
const repeated: Readonly<Record<string, { readonly link: string; readonly attribute: string }>> = {
  clients: { link: 'client', attribute: 'client-name' },
  'presales-engineers': { link: 'presales-engineer', attribute: 'presales-engineer-name' },
  'sales-executives': { link: 'sales-executive', attribute: 'sales-executive-name' },
}

export function createChanges(deps: { records: Records; switches: Switches; now: () => number }): Changes {
  const { records, switches } = deps
  const time = (): string => new Date(deps.now()).toISOString()

  function withUpdatedAt(type: string, attributes: Fields, how: ChangeOptions): Fields {
    const has = records.table(type)?.model.attributes['updated-at'] !== undefined
    return has && how.touch !== false && !('updated-at' in attributes)
      ? { ...attributes, 'updated-at': time() }
      : attributes
  }

  /** Whether editing a child bumps the project is unknown (API notes §10, question 2), so it is a switch. */
  function touchProject(rec: Rec, how: ChangeOptions): void {
    if (rec.type === 'projects' || how.touch === false || !switches.childBumpsProject) return
    const scope = records.table(rec.type)?.model.scope
    const id = idOf(rec.toOne['project'])
    const project = scope === 'project' && id !== null ? records.get('projects', id) : undefined
    if (project !== undefined) records.update(project, { attributes: { 'updated-at': time() } })
  }

  /** The repeated names change without a touch: what an incremental read cannot see. */
  function copyName(rec: Rec, attributes: Fields): void {
    const copy = repeated[rec.type]
    if (copy === undefined || !('name' in attributes)) return
    for (const project of records.referring('projects', copy.link, rec.id)) {
      records.update(project, { attributes: { [copy.attribute]: attributes['name'] } })
    }
  }

  function remove(rec: Rec, how: ChangeOptions = {}): void {
    if (!records.get(rec.type, rec.id)) return
    if (how.cascade !== false) for (const part of partsOf(records, rec)) remove(part, { ...how, touch: false })
    records.remove(rec)
    touchProject(rec, how)
  }

  return {
    create(type, id, content, how = {}) {
      const rec = records.add(type, id ?? records.nextId(type), {
        ...content,
        attributes: withUpdatedAt(type, content.attributes, how),
      })
      touchProject(rec, how)
      return rec
    },
    update(rec, change, how = {}) {
      touchProject(rec, how)
      records.update(rec, { ...change, attributes: withUpdatedAt(rec.type, change.attributes ?? {}, how) })
      touchProject(rec, how)
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
