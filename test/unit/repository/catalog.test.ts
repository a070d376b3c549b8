/** What every resource file must keep to, whatever it holds. A new file is held to it without a new test. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import type { Column, Resource } from '../../../src/catalog/resource.ts'
import { models } from '../../../src/simulator/model/models.ts'

const resources = [...catalog.values()]
const files = readdirSync(join(import.meta.dirname, '../../../src/resources'))

/** To-manys declared although the other end carries them, each with its reason in the file. */
const carriedTwice = new Set(['services.subservices'])

const relationships = (resource: Resource): (Column & { target: string })[] =>
  resource.columns.filter((column): column is Column & { target: string } => column.target !== undefined)

const declares = (type: string, member: string): boolean =>
  catalog.get(type)?.columns.some((column) => column.from !== 'attribute' && column.member === member) ?? false

/** An `included` is asked of a list that is one, by a relationship that leads to the type. */
function expectCarrier(list: string, include: string, type: string): void {
  const carrier = catalog.get(list)
  expect(carrier?.read.from, list).toBe('list')
  const column = carrier?.columns.find(({ from, member }) => from !== 'attribute' && member === include)
  const target = column?.target ?? carrier?.includedToMany.find((name) => name === include)
  expect(target, `${list} has no relationship ${include} to ${type}`).toBe(type)
}

describe('the catalog', () => {
  it('has one resource for each file, named after it', () => {
    expect(files.toSorted()).toEqual(resources.map((resource) => `${resource.type}.ts`).toSorted())
  })

  it('has one table for each resource', () => {
    expect(new Set(resources.map((resource) => resource.table)).size).toBe(files.length)
  })

  it('declares every type that a relationship or an id leads to', () => {
    const targets = new Set(resources.flatMap((resource) => relationships(resource).map((column) => column.target)))
    expect([...targets].filter((type) => !catalog.has(type))).toEqual([])
  })

  it('declares everything that ScopeStack is known to have', () => {
    // The simulator's list is written from the API notes apart from the catalog. The two are no lists there.
    expect([...catalog.keys()].toSorted()).toEqual([...models.keys(), 'mes', 'merge-data'].toSorted())
    expect(catalog.size).toBe(66)
  })

  it('gives no two resources a spelling of the type in common', () => {
    const spellings = resources.flatMap(({ type, aliases }) => [type, ...aliases])
    expect(new Set(spellings).size).toBe(spellings.length)
  })
})

describe.each(resources.map((resource) => [resource.type, resource] as const))('%s', (type, resource) => {
  it('is a kebab-case type with the table of that name', () => {
    expect(type).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(resource.table).toBe(type.replaceAll('-', '_'))
  })

  it('is read from something that exists', () => {
    expect(resource.readMethods[0]).toBe(resource.read)
    expect(new Set(resource.readMethods.map((read) => JSON.stringify(read))).size).toBe(resource.readMethods.length)
    for (const read of resource.readMethods) {
      if (read.from === 'list') expect(read.path).toMatch(/^[a-z]+(-[a-z]+)*$/)
      if (read.from === 'singleton') expect(read.path).toMatch(/^\//)
      if (read.from === 'included') expectCarrier(read.list, read.include, type)
      if (read.from === 'each' || read.from === 'below') expect(catalog.get(read.parent)?.read.from).toBe('list')
    }
  })

  it('has read methods that ScopeStack is known to have', () => {
    for (const read of resource.readMethods) {
      const there = models.get('list' in read ? read.list : 'parent' in read ? read.parent : '')
      const name = read.from === 'included' ? read.include : read.path
      const target = there?.toOne[name] ?? there?.toMany[name]
      // Neither of these is a relationship: an action of surveys, and a document made on demand.
      const isAction = ['recommendations', 'merge-data'].includes(name)
      if (there !== undefined && !isAction) expect(target?.type, `${there.type}.${name}`).toBe(type)
    }
    const { byProject } = resource
    if (byProject === undefined) return
    const asked = models.get(byProject.by === 'filter' ? type : byProject.list)
    if (byProject.filter !== 'id') expect(asked?.filters).toHaveProperty(byProject.filter)
    if (byProject.by === 'include') expect(asked?.toMany[byProject.include]?.type).toBe(type)
  })

  it('is tried by its own list first where the path is unsure', () => {
    if (resource.confidence !== 'low') return
    expect(resource.read.from).toBe('list')
    expect(resource.readMethods.length).toBeGreaterThan(1)
  })

  it('carries only to-manys that have no column here', () => {
    for (const name of resource.includedToMany) {
      expect(catalog.has(name), name).toBe(true)
      expect(declares(type, name), `${name} has a column already`).toBe(false)
    }
    expect(new Set(resource.includedToMany).size).toBe(resource.includedToMany.length)
  })

  it('is read again for some projects by a declared method', () => {
    const { byProject } = resource
    if (byProject === undefined) return
    expect(resource.columns.map(({ name }) => name)).toContain('project_id')
    expect(resource.confidence).not.toBe('low')
    if (byProject.by === 'filter') {
      expect(resource.read.from).toBe('list')
      expect(resource.filters).toContain(byProject.filter)
    } else {
      expectCarrier(byProject.list, byProject.include, type)
      expect(catalog.get(byProject.list)?.filters).toContain(byProject.filter)
      if (byProject.filter === 'id') expect(byProject.list).toBe('projects')
      else expect(catalog.get(byProject.list)?.columns.map(({ name }) => name)).toContain(`${byProject.filter}_id`)
    }
  })

  it('asks for a whole list only with filters it knows', () => {
    expect(resource.filters).toEqual(expect.arrayContaining(Object.keys(resource.completeFilters)))
    expect(new Set(resource.filters).size).toBe(resource.filters.length)
  })

  it('asks for archived records wherever the filter is known', () => {
    if (resource.filters.includes('active')) expect(resource.completeFilters).toHaveProperty('active', 'true,false')
  })

  it('declares no to-many that the other end carries', () => {
    for (const { member, target } of relationships(resource).filter((column) => column.from === 'to-many')) {
      const back = catalog.get(target)?.columns.some((column) => column.from === 'to-one' && column.target === type)
      expect(back ?? false, member).toBe(carriedTwice.has(`${type}.${member}`))
    }
  })

  it('accepts writes only of records that can be distinguished, and read as a list', () => {
    const { writes, naturalKey, read, columns } = resource
    if (writes.length > 0) {
      expect(read.from).toBe('list')
      expect(columns.filter(({ writable, target }) => writable && target !== 'accounts')).not.toEqual([])
    }
    if (naturalKey !== undefined) expect(writes).toContain('create')
  })

  it('keeps keys as text, so that they join', () => {
    for (const column of resource.columns) {
      if (column.name.endsWith('_id')) expect(column.kind, column.name).toBe('text')
      if (column.name.endsWith('_ids')) expect(column.kind, column.name).toBe('texts')
    }
  })

  it('is explained in sentences', () => {
    const comments = [resource.comment, ...resource.columns.map((column) => column.comment)]
    expect(comments.filter((comment) => !/^[A-Z].+\S\.$/.test(comment))).toEqual([])
    expect(resource.comment).toMatch(/^One row/)
  })

  it('explains each column in words of its own', () => {
    const times = new Map<string, number>()
    for (const { comment } of resource.columns) times.set(comment, (times.get(comment) ?? 0) + 1)
    expect([...times].filter(([, count]) => count > 2)).toEqual([])
  })
})
