import { expect, test } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { canReadIncrementally } from '../../../src/sync/incremental/incremental.ts'
import { parentTypesOf } from '../../../src/sync/run/dependency-order.ts'

const readable = (...types: string[]): string[] =>
  types.filter((type) => canReadIncrementally(catalog.get(type)!, new Set(types)))

test('changes are read of what tells when it changed, and of the parts of projects where projects are read', () => {
  expect(readable('clients', 'tags')).toEqual([])
  expect(readable('projects', 'project-phases', 'clients')).toEqual(['projects', 'project-phases'])
  expect(readable('project-phases', 'surveys', 'project-documents')).toEqual(['surveys', 'project-documents'])
})

test('parts come after their projects, where only changes are read', () => {
  const phases = catalog.get('project-phases')!
  expect(parentTypesOf(phases, { changesOnly: true })).toEqual(['projects'])
  expect(parentTypesOf(phases, {})).toEqual([])
})
