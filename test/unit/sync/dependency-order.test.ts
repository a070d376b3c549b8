import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import type { Resource } from '../../../src/catalog/resource.ts'
import { afterParents, parentTypesOf, type WhenRead } from '../../../src/sync/run/dependency-order.ts'

const resourceOf = (type: string, readMethods: Resource['readMethods']): Resource =>
  ({ type, read: readMethods[0], readMethods }) as unknown as Resource
const list = (type: string): Resource => resourceOf(type, [{ from: 'list', path: type }])
const below = (type: string, parent: string): Resource => resourceOf(type, [{ from: 'below', parent, path: type }])
/** A list, and where the account has none, what is below a parent. */
const listOrBelow = (type: string, parent: string): Resource =>
  resourceOf(type, [
    { from: 'list', path: type },
    { from: 'below', parent, path: type },
  ])

/** Acts that end when the test says so. */
function acts(resources: readonly Resource[], atOnce: number, how = {}) {
  const running = new Map<string, () => void>()
  const waits = new Map<string, WhenRead>()
  const begun: string[] = []
  const all = afterParents(resources, how, atOnce, ({ type }, whenRead) => {
    begun.push(type)
    waits.set(type, whenRead)
    return new Promise<void>((resolve) => void running.set(type, resolve))
  })
  return {
    all,
    begun,
    when: (type: string, parent: string) => waits.get(type)!(parent),
    end: async (type: string): Promise<void> => {
      running.get(type)!()
      await turn()
    },
  }
}

it('a resource begins as soon as its own parent is done, whatever else is still read', async () => {
  const { all, begun, end } = acts([list('slow'), list('parent'), below('child', 'parent'), below('other', 'slow')], 4)
  expect(begun).toEqual(['slow', 'parent'])
  await end('parent')
  expect(begun).toEqual(['slow', 'parent', 'child'])
  await end('child')
  await end('slow')
  expect(begun).toEqual(['slow', 'parent', 'child', 'other'])
  await end('other')
  await all
})

it('so many resources are read at once, the next as soon as one has ended', async () => {
  const { all, begun, end } = acts(['a', 'b', 'c', 'd'].map(list), 2)
  expect(begun).toEqual(['a', 'b'])
  await end('b')
  expect(begun).toEqual(['a', 'b', 'c'])
  await end('a')
  await end('c')
  await end('d')
  await all
})

it('a parent that is not part of the run is not waited for, and two that wait for each other are read all the same', async () => {
  const { all, begun, end } = acts([below('lone', 'missing'), below('one', 'other'), below('other', 'one')], 4)
  expect(begun).toEqual(['lone'])
  await end('lone')
  expect(begun).toEqual(['lone', 'one'])
  await end('one')
  expect(begun).toEqual(['lone', 'one', 'other'])
  await end('other')
  await all
})

it('a resource with a list of its own begins beside the parent that it may turn to, and can wait for that', async () => {
  const { all, begun, when, end } = acts([listOrBelow('child', 'parent'), list('parent')], 4)
  expect(begun).toEqual(['parent', 'child'])
  let isRead = false
  const waiting = when('child', 'parent').then(() => (isRead = true))
  await turn()
  expect(isRead).toBe(false)
  await end('parent')
  await waiting
  await when('child', 'child')
  await when('child', 'of another run')
  await end('child')
  await all
})

it('of changes it is read behind every parent', async () => {
  const { all, begun, end } = acts([listOrBelow('child', 'parent'), list('parent')], 4, { changesOnly: true })
  expect(begun).toEqual(['parent'])
  await end('parent')
  expect(begun).toEqual(['parent', 'child'])
  await end('child')
  await all
})

it('no resources of the catalog may wait for each other, by whichever of their read methods', () => {
  const parents = new Map([...catalog.values()].map((one) => [one.type, parentTypesOf(one, { changesOnly: true })]))
  const reaches = (from: string, seen = new Set<string>()): Set<string> => {
    for (const parent of parents.get(from) ?? []) {
      if (parent === from || seen.has(parent)) continue
      seen.add(parent)
      reaches(parent, seen)
    }
    return seen
  }
  expect([...parents.keys()].filter((type) => reaches(type).has(type))).toEqual([])
})
