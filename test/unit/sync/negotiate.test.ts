/** What of a request a server takes is found in few requests, whatever its refusals say. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { requestRefused } from '../../../src/errors/resources.ts'
import type { Client } from '../../../src/remote/client.ts'
import type { ListRequest } from '../../../src/remote/pages/page.ts'
import { negotiate } from '../../../src/sync/list/negotiate.ts'
import { slotsOf } from '../../support/scopestack/slots.ts'

interface Server {
  readonly client: Client
  readonly asked: string[]
}

type Says = (refused: readonly string[]) => string

/** Takes everything but `refused`: filters, includes, and page sizes above the first number in it. */
function serverWith(refused: ReadonlySet<string>, pageMax: number, says: Says): Server {
  const asked: string[] = []
  const get: Client['get'] = async (path, parse) => {
    asked.push(path)
    const query = new URLSearchParams(path.split('?')[1])
    const size = Number(query.get('page[size]') ?? 1)
    const includes = query.get('include')?.split(',') ?? []
    const bad = [
      ...(size > pageMax ? [`size exceeds maximum page size of ${pageMax}.`] : []),
      ...[...query.keys()].filter((key) => refused.has(key)).map((key) => `${key.slice(7, -1)} is not allowed.`),
      ...includes
        .filter((one) => refused.has(one))
        .map((one) => `${one.split('.').at(-1)} is not a valid includable relationship of projects`),
    ]
    if (bad.length > 0) throw requestRefused({ url: path, status: 400, detail: says(bad) })
    return parse('{"data":[]}', path, undefined)
  }
  return {
    client: {
      get,
      time: () => null,
      slots: slotsOf(1),
      write: () => Promise.reject(new Error('nothing is written')),
    },
    asked,
  }
}

const NAMED: Says = ([first]) => `Invalid field: ${first!}`
const SILENT: Says = () => ''
const MISLEADING: Says = () => 'Invalid field: include-0 is not a valid includable relationship of projects'

const wish = (filters: number, includes: readonly string[], pageSize: number | null = 100): ListRequest => ({
  path: '/demo/v1/projects',
  query: {
    ...Object.fromEntries(Array.from({ length: filters }, (_, at) => [`filter[flag-${at}]`, 'true,false'])),
    ...(includes.length === 0 ? {} : { include: includes.join(',') }),
  },
  pageSize,
})
const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `include-${at}`)
const refusal = (detail: string) => requestRefused({ url: '/', status: 400, detail })
const signal = new AbortController().signal

describe('one refused include of forty', () => {
  const wanted = wish(1, many(40))
  const found = async (says: Says) => {
    const server = serverWith(new Set(['include-23']), 250, says)
    const first = says(['include-23 is not a valid includable relationship of projects'])
    return { ...(await negotiate(server.client, wanted, refusal(first), signal)), asked: server.asked.length }
  }

  it('is left out at once where the refusal names it', async () => {
    const { request, refused, asked } = await found(NAMED)
    expect({ refused, asked }).toEqual({ refused: ['include=include-23'], asked: 1 })
    expect(request.query['include']).toBe(
      many(40)
        .filter((name) => name !== 'include-23')
        .join(','),
    )
  })

  it.each([
    ['says nothing', SILENT],
    ['always names another one', MISLEADING],
  ] as const)('is found by bisection where the refusal %s', async (_, says) => {
    const { refused, asked } = await found(says)
    expect(refused).toEqual(['include=include-23'])
    // The bare list, six halvings of 42 parts, and what stood behind it, in growing groups.
    expect(asked).toBeLessThanOrEqual(10)
  })
})

it('where `a.b` is refused, `a` is not; where `a` is, nothing below it is asked for', async () => {
  const wanted = wish(0, ['parts', 'parts.kind', 'parts.owner', 'kind'], null)
  for (const says of [NAMED, SILENT]) {
    const first = refusal(says(['kind is not a valid includable relationship of parts']))
    const dotted = serverWith(new Set(['parts.kind']), 250, says)
    expect((await negotiate(dotted.client, wanted, first, signal)).request.query['include']).toBe(
      'parts,parts.owner,kind',
    )
    const all = serverWith(new Set(['parts']), 250, says)
    const { request, refused } = await negotiate(all.client, wanted, refusal(says(['parts is not a valid'])), signal)
    expect([request.query['include'], refused]).toEqual(['kind', ['include=parts']])
  }
})

it('asks for the page size that the refusal names, else for smaller ones', async () => {
  const sizes = async (says: Says, pageMax: number) => {
    const server = serverWith(new Set(), pageMax, says)
    const { request } = await negotiate(
      server.client,
      wish(0, [], 250),
      refusal(says([`size exceeds maximum page size of ${pageMax}.`])),
      signal,
    )
    return [request.pageSize, server.asked.length]
  }
  expect(await sizes(NAMED, 37)).toEqual([37, 1])
  expect(await sizes(SILENT, 50)).toEqual([50, 3])
  expect(await sizes(SILENT, 10)).toEqual([10, 5])
})

it('throws the error of the bare list, when even that is refused', async () => {
  const get = () => Promise.reject(refusal('no'))
  const client: Client = { get, write: get, time: () => null, slots: slotsOf(1) }
  await expect(negotiate(client, wish(1, many(5)), refusal('no'), signal)).rejects.toThrow(/400/)
})

it('finds exactly what is refused, whatever is, in about log n requests for each', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        filters: fc.integer({ min: 0, max: 3 }),
        includes: fc.integer({ min: 0, max: 30 }),
        share: fc.constantFrom(0, 0.05, 0.3, 0.9),
        seed: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 33, maxLength: 33 }),
        pageMax: fc.constantFrom(20, 50, 100, 250),
        says: fc.constantFrom(NAMED, SILENT, MISLEADING),
      }),
      async ({ filters, includes, share, seed, pageMax, says }) => {
        const wanted = wish(filters, many(includes))
        const names = [...Object.keys(wanted.query).filter((key) => key !== 'include'), ...many(includes)]
        const refused = new Set(names.filter((_, at) => seed[at]! < share))
        const server = serverWith(refused, pageMax, says)
        const first = await negotiated(server, wanted)
        if (first === null) return
        const found = await negotiate(server.client, wanted, first, signal)
        const left = names.filter(
          (name) => !(name in found.request.query) && !found.request.query['include']?.split(',').includes(name),
        )
        expect(new Set(left)).toEqual(refused)
        expect(found.request.pageSize).toBe(Math.min(100, pageMax))
        const bad = found.refused.length
        const halvings = Math.ceil(Math.log2(names.length + 1))
        expect(server.asked.length - 1).toBeLessThanOrEqual(says === NAMED ? bad : 6 + bad * (halvings + 3))
      },
    ),
    { numRuns: 300 },
  )
})

/** What it answers to all of it; null when it takes it. */
const negotiated = (server: Server, { path, query, pageSize }: ListRequest): Promise<unknown> =>
  server.client
    .get(`${path}?${new URLSearchParams({ ...query, 'page[size]': String(pageSize) }).toString()}`, () => null, signal)
    .catch((error: unknown) => error)
