import { expect, test } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { canReadIncrementally } from '../../../src/sync/incremental/can-read.ts'
import { parentTypesOf } from '../../../src/sync/run/dependency-order.ts'

const readable = (...types: string[]): string[] =>
  types.filter((type) => canReadIncrementally(catalog.get(type)!, new Set(types)))

test('resources with an updated-at are read incrementally, and children of projects where projects are read', () => {
  expect(readable('clients', 'tags')).toEqual([])
  expect(readable('projects', 'project-phases', 'clients')).toEqual(['projects', 'project-phases'])
  expect(readable('project-phases', 'surveys', 'project-documents')).toEqual(['surveys', 'project-documents'])
})

test('in an incremental run children are read after their projects', () => {
  const phases = catalog.get('project-phases')!
  expect(parentTypesOf(phases, { changesOnly: true })).toEqual(['projects'])
  expect(parentTypesOf(phases, {})).toEqual([])
})
