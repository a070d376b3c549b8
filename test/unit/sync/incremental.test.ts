import { expect, test } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { canReadChanges } from '../../../src/sync/incremental/incremental.ts'
import { needs } from '../../../src/sync/run/dependency-order.ts'

const readable = (...types: string[]): string[] =>
  types.filter((type) => canReadChanges(catalog.get(type)!, new Set(types)))

test('changes are read of what tells when it changed, and of the parts of projects where projects are read', () => {
  expect(readable('clients', 'tags')).toEqual([])
  expect(readable('projects', 'project-phases', 'clients')).toEqual(['projects', 'project-phases'])
  expect(readable('project-phases', 'surveys', 'project-documents')).toEqual(['surveys', 'project-documents'])
})

test('parts come after their projects, where only changes are read', () => {
  const phases = catalog.get('project-phases')!
  expect(needs(phases, { changesOnly: true })).toEqual(['projects'])
  expect(needs(phases, {})).toEqual([])
})
