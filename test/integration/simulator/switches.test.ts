/** The switches for what can be read, and for the order of lists. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { models } from '../../../src/simulator/model/models.ts'
import { switchesOf } from '../../../src/simulator/switches.ts'
import { open, type Account, type Doc } from './account.ts'

let account: Account
beforeAll(async () => {
  account = await open({ projects: 40 })
})
afterEach(() => {
  account.sim.setSwitches(switchesOf('help-pages'))
})
afterAll(() => account.sim.close())

const ids = ({ data }: Doc): number[] => data.map(({ id }) => Number(id))
const upward = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b)
const status = async (path: string): Promise<number> => (await account.call(path)).status

describe('missingLists', () => {
  test('a missing list is 404 for reading and writing, with the body of the profile', async () => {
    account.sim.setSwitches({ missingLists: ['notes', 'clients'] })
    expect([await status('notes'), await status('notes?page[number]=2'), await status('quotes')]).toEqual([
      404, 404, 200,
    ])
    expect((await account.send('POST', 'clients', { type: 'clients', attributes: { name: 'New' } })).status).toBe(404)
    account.sim.setSwitches({ errorBodies: 'html' })
    expect(await (await account.call('notes')).text()).toBe('')
  })

  test('its records can still be read by id, below their project and in the included of projects', async () => {
    const [note] = (await account.list('notes?include=project')).data
    const project = (note?.relationships['project']?.data as { id: string } | undefined)?.id ?? ''
    account.sim.setSwitches({ missingLists: ['notes'] })
    expect(await status(`notes/${note?.id ?? ''}`)).toBe(200)
    expect((await account.list(`projects/${project}/notes`)).data.map(({ id }) => id)).toContain(note?.id)
    const { included } = await account.list(`projects?filter[id]=${project}&include=notes`)
    expect(included?.map(({ id }) => id)).toContain(note?.id)
  })
})

test('every to-many of a project is a nested, paged list of the records that refer to the project', async () => {
  const names = Object.entries(models.get('projects')?.toMany ?? {})
  expect(names.length).toBeGreaterThan(20)
  const [project] = (await account.list('projects?page[size]=1')).data
  for (const [name, { type }] of names) {
    const doc = await account.list(`projects/${project?.id ?? ''}/${name}?page[size]=2`)
    const own = account.sim.records.list(type).filter(({ relationships }) => relationships['project'] === project?.id)
    expect(doc.meta['record-count'], name).toBe(own.length)
    expect(doc.data, name).toHaveLength(Math.min(2, own.length))
  }
})

describe('lines of business', () => {
  test.each(['line-of-businesses', 'lines-of-business', 'lobs'] as const)(
    'have their list at %s alone',
    async (lobPath) => {
      account.sim.setSwitches({ lobPath })
      const paths = ['line-of-businesses', 'lines-of-business', 'lobs']
      expect(await Promise.all(paths.map(status))).toEqual(paths.map((path) => (path === lobPath ? 200 : 404)))
      const { data, links } = await account.list(lobPath)
      expect(data.map(({ type }) => type)).toEqual(data.map(() => 'lines-of-business'))
      expect(data[0]?.links['self']).toBe(`${account.sim.url}/demo/v1/${lobPath}/${data[0]?.id ?? ''}`)
      expect(links['first']).toContain(`/demo/v1/${lobPath}?`)
    },
  )

  test('have another type if lobType says so, in linkages too', async () => {
    account.sim.setSwitches({ lobPath: 'lobs', lobType: 'lobs' })
    const { data, included } = await account.list('service-categories?include=lob')
    expect(new Set(included?.map(({ type }) => type))).toEqual(new Set(['lobs']))
    expect(data[0]?.relationships['lob']?.data).toMatchObject({ type: 'lobs' })
    expect(await account.one(`lobs/${included?.[0]?.id ?? ''}`)).toMatchObject({ type: 'lobs' })
    const linkage = await account.call(`service-categories/${data[0]?.id ?? ''}/relationships/lob`)
    expect(await linkage.json()).toMatchObject({ data: { type: 'lobs' } })
  })
})

describe('listOrder', () => {
  test('newest-first is by id, descending, also with a filter', async () => {
    account.sim.setSwitches({ listOrder: 'newest-first' })
    const down = (found: readonly number[]): number[] => upward(found).toReversed()
    for (const path of ['project-services', 'clients?filter[active]=true,false', 'clients']) {
      const found = ids(await account.list(path))
      expect(found.length, path).toBeGreaterThan(5)
      expect(found, path).toEqual(down(found))
    }
  })

  test('grouped is the active ones first, then the archived, each by id', async () => {
    for (const { id } of (await account.list('clients?page[size]=7')).data.slice(3, 5)) {
      account.sim.records.update('clients', id, { attributes: { active: false } })
    }
    account.sim.setSwitches({ listOrder: 'grouped' })
    const { data } = await account.list('clients?filter[active]=true,false')
    const [active, archived] = [true, false].map((is) => data.filter(({ attributes }) => attributes['active'] === is))
    expect(archived!.length).toBeGreaterThan(1)
    expect(data).toEqual([...active!, ...archived!])
    for (const group of [active!, archived!]) {
      const found = group.map(({ id }) => Number(id))
      expect(found).toEqual(upward(found))
    }
  })

  test('shuffled is one order for all pages and requests, and another one for another seed', async () => {
    account.sim.setSwitches({ listOrder: 'shuffled' })
    const whole = ids(await account.list('projects?filter[active]=true,false'))
    expect(whole).not.toEqual(upward(whole))
    const pages = await Promise.all(
      [1, 2, 3, 4].map((page) =>
        account.list(`projects?filter[active]=true,false&page[size]=10&page[number]=${String(page)}`),
      ),
    )
    expect(pages.flatMap(ids)).toEqual(whole)
    const other = await open({ projects: 40, seed: 2 })
    other.sim.setSwitches({ listOrder: 'shuffled' })
    expect(ids(await other.list('projects?filter[active]=true,false'))).not.toEqual(whole)
    await other.sim.close()
  })

  test('an explicit sort takes precedence: by id in either direction, and refused if refusedSorts has it', async () => {
    account.sim.setSwitches({ listOrder: 'shuffled' })
    const found = ids(await account.list('project-services?sort=id'))
    expect(found).toEqual(upward(found))
    expect(ids(await account.list('clients?sort=-id'))).toEqual(
      upward(ids(await account.list('clients?sort=id'))).toReversed(),
    )
    account.sim.setSwitches({ refusedSorts: { clients: ['id'] } })
    expect(await account.problem('clients?sort=id')).toMatchObject({ http: 400, code: '114' })
  })

  test('nested lists have it too', async () => {
    const [project] = (await account.list('projects?page[size]=1')).data
    const path = `projects/${project?.id ?? ''}/project-services`
    const usual = ids(await account.list(path))
    account.sim.setSwitches({ listOrder: 'newest-first' })
    expect(usual.length).toBeGreaterThan(1)
    expect(ids(await account.list(path))).toEqual(usual.toReversed())
  })
})

describe('lists without usable pages', () => {
  const page = (type: string, number: number, size: number): string =>
    `${type}?page[number]=${String(number)}&page[size]=${String(size)}`

  test('unpagedLists are sent complete whatever page is requested, without a page count; nested ones as well', async () => {
    account.sim.setSwitches({ unpagedLists: ['phases', 'project-services'] })
    const { data, meta } = await account.list(page('phases', 3, 1))
    expect(data.length).toBeGreaterThan(1)
    expect([meta['record-count'], meta['page-count']]).toEqual([data.length, undefined])
    const [project] = (await account.list('projects?page[size]=1')).data
    const nested = await account.list(page(`projects/${project?.id ?? ''}/project-services`, 2, 1))
    expect(nested.data.length).toBe(nested.meta['record-count'])
  })

  test('brokenRecords fail their page and themselves, unless the request leaves out their attributes', async () => {
    const [, broken] = ids(await account.list('phases')).map(String)
    account.sim.setSwitches({ brokenRecords: { phases: [broken!] } })
    const paths = ['phases', page('phases', 2, 1), page('phases', 1, 1), `phases/${broken!}`]
    expect(await Promise.all(paths.map(status))).toEqual([500, 500, 200, 500])
    expect(ids(await account.list(`${page('phases', 2, 1)}&fields[phases]=id`)).map(String)).toEqual([broken])
  })

  test('heavyPages and pageDepth refuse larger pages, and pages that reach beyond', async () => {
    account.sim.setSwitches({ heavyPages: 10, pageDepth: 20 })
    const asked = [page('projects', 1, 11), page('projects', 2, 10), page('projects', 3, 10), page('projects', 7, 10)]
    expect(await Promise.all(asked.map(status))).toEqual([504, 200, 400, 400])
    account.sim.setSwitches({ heavyPages: null })
    expect(await status(page('phases', 1, 100))).toBe(200)
  })
})

test.each([
  [{ heavyPages: 0 }, 'heavyPages takes a whole number from 1'],
  [{ brokenRecords: ['1'] }, 'brokenRecords takes an object of resource type'],
  [{ missingLists: 'notes' }, 'missingLists takes an array of resource types'],
  [{ lobPath: 'businesses' }, 'lobPath takes one of line-of-businesses, lines-of-business, lobs'],
  [{ listOrder: 'random' }, 'listOrder takes one of id, newest-first, grouped, shuffled'],
])('%j is refused', (changes, sentence) => {
  expect(() => {
    account.sim.setSwitches(changes as never)
  }).toThrow(sentence)
})

describe('records whose flag is null', () => {
  const counted = async (query: string): Promise<number> => (await account.list(`clients?${query}`)).data.length
  const flags = (): unknown[] => account.sim.records.list('clients').map(({ attributes }) => attributes['active'])
  const many = (flag: unknown): number => flags().filter((held) => held === flag).length
  const ALL = 'filter[active]=true,false'

  test('only the empty filter value selects them, and without a filter the default decides', async () => {
    for (const { id } of account.sim.records.list('clients').slice(0, 3)) {
      account.sim.records.update('clients', id, { attributes: { active: null } })
    }
    expect(many(null)).toBe(3)
    expect(many(false)).toBeGreaterThan(0)
    const shown = { 'not-archived': flags().length - many(false), active: many(true), all: flags().length }
    for (const [activeDefault, count] of Object.entries(shown)) {
      account.sim.setSwitches({ activeDefault: activeDefault as keyof typeof shown })
      expect(await counted(''), activeDefault).toBe(count)
      expect(await counted(ALL), activeDefault).toBe(flags().length - 3)
      expect(await counted(`${ALL},`), activeDefault).toBe(flags().length)
    }
    account.sim.setSwitches({ emptyFilterValue: 'nothing' })
    expect(await counted(`${ALL},`)).toBe(flags().length - 3)
  })
})

test('missingRecords are in the list, and get 404 at their own addresses', async () => {
  const [note] = account.sim.records.list('notes')
  account.sim.setSwitches({ missingRecords: ['notes'] })
  expect(await status(`notes/${note?.id ?? ''}`)).toBe(404)
  expect((await account.list('notes')).data.map(({ id }) => id)).toContain(note?.id)
  expect((await account.list(`notes?filter[id]=${note?.id ?? ''}`)).data).toHaveLength(1)
})

test('includeErrors: a 400 names the refused parameter, or has no body', async () => {
  account.sim.setSwitches({ refusedIncludes: { notes: ['project'] } })
  expect(await (await account.call('notes?include=project')).text()).toContain('project is not a valid includable')
  account.sim.setSwitches({ includeErrors: 'empty' })
  for (const query of ['include=project', 'filter[x]=1', 'sort=x', 'page[size]=9999']) {
    const response = await account.call(`notes?${query}`)
    expect([response.status, await response.text()], query).toEqual([400, ''])
  }
})

test('the slug of the account changes at run time, in addresses, linkages and the record itself', async () => {
  const renamed = await open({ projects: 2 })
  await fetch(`${renamed.sim.url}/_control/account`, { method: 'POST', body: '{"slug":"acme"}' })
  expect((await renamed.call('clients')).status).toBe(404)
  const headers = { Authorization: `Bearer ${renamed.token}` }
  const me = await (await fetch(`${renamed.sim.url}/v1/me`, { headers })).json()
  expect(me).toMatchObject({ data: { attributes: { 'account-slug': 'acme' } } })
  const response = await fetch(`${renamed.sim.url}/acme/v1/payment-terms?include=account`, { headers })
  const { data, included } = (await response.json()) as Doc
  expect(data[0]?.relationships['account']?.data).toEqual({ type: 'accounts', id: 'acme' })
  expect(included).toMatchObject([{ type: 'accounts', id: 'acme', attributes: { slug: 'acme' } }])
  await renamed.sim.close()
})

describe('echoSecrets', () => {
  test('repeats the secrets of a request in headers and error bodies, or everywhere', async () => {
    const quotes = async (path: string): Promise<[header: boolean, body: boolean]> => {
      const texts: string[] = []
      let headers = ''
      // Each time in another encoding.
      for (let time = 0; time < 40; time++) {
        const answer = await account.call(path)
        headers += `${answer.headers.get('x-seen')} ${answer.headers.get('x-request-id')}`
        texts.push(await answer.text())
      }
      const [, ...secrets] = account.sim.secrets()
      const has = (text: string): boolean => secrets.some((secret) => text.includes(`Bearer ${secret}`))
      return [has(headers), has(texts.join('\n'))]
    }
    expect(await quotes('tags')).toEqual([false, false])
    account.sim.setSwitches({ echoSecrets: 'refusals' })
    expect(await quotes('tags')).toEqual([true, false])
    expect(await quotes('tags?include=nothing')).toEqual([true, true])
    account.sim.setSwitches({ echoSecrets: 'everything' })
    expect(await quotes('tags')).toEqual([true, true])
  })
})
