/** docs/data-model.md is that of the catalog, and its diagrams are of the form that mermaid takes. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { AREAS, resourcesByArea } from '../../../src/catalog/areas.ts'
import { catalog } from '../../../src/catalog/registry.ts'
import { defineResource, text } from '../../../src/catalog/resource.ts'
import { dataModelDocs } from '../../../src/dictionary/data-model.ts'
import { catalogDictionary, tablesOf } from '../../../src/dictionary/dictionary.ts'
import { erDiagram } from '../../../src/dictionary/er-diagram.ts'

const DOCS = readFileSync(new URL('../../../docs/data-model.md', import.meta.url), 'utf8')

it('docs/data-model.md is current: npm run dictionary:docs', () => {
  expect(DOCS).toBe(dataModelDocs())
})

it('every resource has one place in the areas of src/catalog/areas.ts', () => {
  const placed = AREAS.flatMap(({ types }) => types)
  expect(placed.filter((type, index) => placed.indexOf(type) !== index)).toEqual([])
  expect([...catalog.keys()].filter((type) => !placed.includes(type))).toEqual([])
})

it('a resource that no area names is shown all the same', () => {
  const novel = defineResource('novel-things', {
    comment: 'Novel.',
    confidence: 'low',
    attributes: { name: text('N.') },
  })
  const areas = resourcesByArea(new Map([...catalog, [novel.type, novel]]))
  expect(areas.at(-1)).toMatchObject({ area: { name: 'Other' }, resources: [{ type: 'novel-things' }] })
})

const dictionary = catalogDictionary(catalog)

it('knows of each table what refers to it, by the same columns that refer', () => {
  const away = tablesOf(dictionary).flatMap((table) =>
    table.columns.flatMap(({ name, target }) => (target === null ? [] : [`${table.name}.${name} → ${target}`])),
  )
  const back = tablesOf(dictionary).flatMap(({ name, referredBy }) =>
    referredBy.map(({ table, column }) => `${table}.${column} → ${name}`),
  )
  expect(away.length).toBeGreaterThan(100)
  expect(back.toSorted()).toEqual(away.toSorted())
})

/** The part of mermaid's grammar that is used; all eight were drawn once by mermaid 12.3. */
const LINES = [
  /^erDiagram$/,
  /^ {4}direction LR$/,
  /^ {4}(?:[A-Za-z]\w*|"[^"]+") \{$/,
  /^ {8}[A-Za-z]\w* [A-Za-z]\w*(?: (?:PK|FK))?(?: "[^"]*")?$/,
  /^ {4}\}$/,
  /^ {4}(?:[A-Za-z]\w*|"[^"]+") (?:\|o|\}o)--o\{ (?:[A-Za-z]\w*|"[^"]+") : [A-Za-z]\w*$/,
]
const isDiagram = (diagram: string): boolean =>
  diagram.startsWith('erDiagram\n') && diagram.split('\n').every((line) => LINES.some((form) => form.test(line)))

describe('a diagram', () => {
  it.each(dictionary.areas.map((area) => [area.name, area] as const))('of %s is of the form', (_, area) => {
    const diagram = erDiagram(area)!
    expect(isDiagram(diagram), diagram).toBe(true)
    for (const { name } of area.tables) expect(diagram).toContain(`\n    ${name} {\n`)
  })

  it('is of the form whatever a column is called', () => {
    const [area] = dictionary.areas
    const table = area!.tables[0]!
    const names = ['Größe m²', 'a"b', '1st', '}', 'x\ny', '--', '']
    const columns = names.map((name) => ({ ...table.columns[1]!, name, key: 'foreign' as const, target: name }))
    const diagram = erDiagram({ ...area!, tables: [{ ...table, name: 'a "b" }', columns }] })!
    expect(isDiagram(diagram), diagram).toBe(true)
  })
})
