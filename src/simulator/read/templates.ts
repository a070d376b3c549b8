/** Text templates of resource objects, so that 40 addresses of a record need not be built one by one. */
import type { Model } from '../model/model.ts'

export const permissions = { view: true, create: true, manage: true }

/** The text of a resource object without its values. `run.join(id)` puts the id into all addresses: building a project's 40 one
 *  by one took three times as long. */
export interface Template {
  readonly head: readonly string[]
  /** behind each run stands the linkage of the relationship `name` */
  readonly relationships: readonly { readonly run: readonly string[]; readonly name: string | null }[]
  readonly tail: string
}

/** Not in any id, so the text can be cut there. */
const mark = '\u0000'

/** The template for one shape of a type's records, cached under the key. */
export type Templates = (
  model: Model,
  linked: readonly string[],
  fields: ReadonlySet<string> | null,
  hidden: readonly string[],
  key: string,
) => Template

export function createTemplates(address: (path: string) => string, typeName: (type: string) => string): Templates {
  const cache = new Map<string, Template>()
  return (model, linked, fields, hidden, key) => {
    const name = `${model.type} ${key}`
    const cached = cache.get(name)
    if (cached !== undefined) return cached
    const template = build(address, typeName(model.type), model, linked, fields, hidden)
    // sparse fieldsets are unlimited in number
    if (cache.size > 500) cache.clear()
    cache.set(name, template)
    return template
  }
}

function build(
  address: (path: string) => string,
  type: string,
  model: Model,
  linked: readonly string[],
  fields: ReadonlySet<string> | null,
  hidden: readonly string[],
): Template {
  const self = address(`/${model.type}/${mark}`)
  let links = `{"self":"${self}"`
  for (const action of model.actions) links += `,"${action}":"${self}/${action}"`
  for (const [name, lookup] of Object.entries(model.lookups)) links += `,"${name}":"${address(`/${lookup}`)}"`
  const head = `,"type":"${type}","links":${links}},"attributes":`
  const all = [...Object.keys(model.toOne), ...Object.keys(model.toMany)]
  const related = all.filter((name) => !hidden.includes(name))
  const shown = fields === null ? related : related.filter((name) => fields.has(name))
  const relationships: { run: string[]; name: string | null }[] = []
  let text = shown.length > 0 ? ',"relationships":{' : ''
  shown.forEach((name, at) => {
    text += `${at === 0 ? '' : ','}"${name}":{"links":{"self":"${self}/relationships/${name}","related":"${self}/${name}"}`
    if (linked.includes(name)) {
      relationships.push({ run: `${text},"data":`.split(mark), name })
      text = ''
    }
    text += '}'
  })
  if (shown.length > 0) text += '}'
  relationships.push({ run: text.split(mark), name: null })
  const meta = model.recordPermissions ? `,"meta":{"permissions":${JSON.stringify(permissions)}}` : ''
  return { head: head.split(mark), relationships, tail: `${meta}}` }
}
