/** What README says can be edited is what the catalog lets be edited. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { isEditable } from '../../../src/catalog/resource.ts'

const README = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
const TAKES = { create: 'new rows', update: 'edits', delete: 'deletes' } as const

it('lists what can be edited with SQL, column by column', () => {
  const section = README.slice(README.indexOf('## Edit with SQL'), README.indexOf('## Commands'))
  const rows = [...section.matchAll(/^\| `([a-z_]+)` +\| ([a-z, ]+?) +\| (.+?) +\|$/gm)].map(
    ([, table, takes, columns]) => ({
      table,
      takes,
      columns: columns!.replaceAll('`', '').split(', '),
    }),
  )
  const editable = [...catalog.values()].flatMap(({ table, writes, columns }) => {
    const names = columns.filter(isEditable).map(({ name }) => name)
    if (writes.length === 0 || names.length === 0) return []
    const takes = (['create', 'update', 'delete'] as const).filter((write) => writes.includes(write))
    return [{ table, takes: takes.map((write) => TAKES[write]).join(', '), columns: names }]
  })
  expect(rows).toEqual(editable)
})
