/** What every resource file must keep to, whatever it holds. A new file is held to it without a new test. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { catalog } from '../../src/registry.ts'
import type { Column, Resource } from '../../src/resource.ts'

const resources = [...catalog.values()]
const files = readdirSync(join(import.meta.dirname, '../../src/resources'))

/** Types at the other end of a relationship that have no file yet. Whoever declares one takes it off. */
const undeclared = new Set([
  'approval-steps',
  'expense-categories',
  'external-requests',
  'lines-of-business',
  'payment-credits',
  'project-surveys',
  'psa-projects',
  'questions',
  'quotes',
  'resource-rates',
  'teams',
])

/** To-manys declared although the other end carries them, each with its reason in the file. */
const carriedTwice = new Set(['services.subservices'])

const relationships = (resource: Resource): (Column & { target: string })[] =>
  resource.columns.filter((column): column is Column & { target: string } => column.target !== undefined)

const declares = (type: string, member: string): boolean =>
  catalog.get(type)?.columns.some((column) => column.from !== 'attribute' && column.member === member) ?? false

describe('the catalog', () => {
  it('has one resource for each file, named after it', () => {
    expect(files.toSorted()).toEqual(resources.map((resource) => `${resource.type}.ts`).toSorted())
  })

  it('has one table for each resource', () => {
    expect(new Set(resources.map((resource) => resource.table)).size).toBe(files.length)
  })

  it('lists as undeclared exactly the types that relationships lead to and no file declares', () => {
    const targets = new Set(resources.flatMap((resource) => relationships(resource).map((column) => column.target)))
    expect([...targets].filter((type) => !catalog.has(type)).toSorted()).toEqual([...undeclared].toSorted())
  })
})

describe.each(resources.map((resource) => [resource.type, resource] as const))('%s', (type, resource) => {
  it('is a kebab-case type with the table of that name', () => {
    expect(type).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(resource.table).toBe(type.replaceAll('-', '_'))
  })

  it('is read from something that exists', () => {
    const { read } = resource
    if (read.from === 'list') expect(read.path).toMatch(/^[a-z]+(-[a-z]+)*$/)
    if (read.from === 'singleton') expect(read.path).toMatch(/^\//)
    if (read.from === 'included') {
      expect(catalog.get(read.list)?.read.from).toBe('list')
      expect(declares(read.list, read.include), `${read.list} has no relationship ${read.include}`).toBe(true)
    }
    if (read.from === 'each') expect(catalog.get(read.parent)?.read.from).toBe('list')
  })

  it('asks for a whole list only with filters it knows', () => {
    expect(resource.filters).toEqual(expect.arrayContaining(Object.keys(resource.whole)))
    expect(new Set(resource.filters).size).toBe(resource.filters.length)
  })

  it('asks for archived records wherever the filter is known', () => {
    if (resource.filters.includes('active')) expect(resource.whole).toHaveProperty('active', 'true,false')
  })

  it('declares no to-many that the other end carries', () => {
    for (const { member, target } of relationships(resource).filter((column) => column.from === 'to-many')) {
      const back = catalog.get(target)?.columns.some((column) => column.from === 'to-one' && column.target === type)
      expect(back ?? false, member).toBe(carriedTwice.has(`${type}.${member}`))
    }
  })

  it('takes writes only of what can be told and read as a list', () => {
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
