import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mediaType, open, type Account, type Doc, type Obj } from './account.ts'

let account: Account
beforeAll(async () => {
  account = await open({ projects: 40 })
})
afterAll(() => account.sim.close())

const ids = ({ data }: Doc): string[] => data.map(({ id }) => id)
const link = (obj: Obj | undefined, name: string): { id: string; type: string } | null | undefined =>
  obj?.relationships[name]?.data as { id: string; type: string } | null | undefined

describe('pages', () => {
  test('have every record once, in the order of ids', async () => {
    const all: string[] = []
    let pages = 1
    for (let page = 1; page <= pages; page += 1) {
      const doc = await account.list(`project-subservices?page[number]=${String(page)}&page[size]=100`)
      pages = doc.meta['page-count'] ?? 0
      expect(doc.meta['record-count']).toBe(account.sim.stats().records['project-subservices'])
      expect(doc.meta['permissions']).toEqual({ view: true, create: true, manage: true })
      expect('prev' in doc.links).toBe(page > 1)
      expect('next' in doc.links).toBe(page < pages)
      all.push(...ids(doc))
    }
    expect(pages).toBeGreaterThan(2)
    expect(all).toEqual(account.sim.records.list('project-subservices').map(({ id }) => id))
    expect(all.map(Number)).toEqual(all.map(Number).toSorted((a, b) => a - b))
  })

  test('links are percent-encoded and keep the other parameters', async () => {
    const { links } = await account.list('projects?filter[status]=won,building&page[size]=5')
    expect(links['next']).toContain(
      '/demo/v1/projects?filter%5Bstatus%5D=won%2Cbuilding&page%5Bnumber%5D=2&page%5Bsize%5D=5',
    )
    const followed = await fetch(links['next'] ?? '', {
      headers: { Authorization: `Bearer ${account.token}`, Accept: mediaType },
    })
    expect(ids((await followed.json()) as Doc)).toEqual(
      ids(await account.list('projects?filter[status]=won,building&page[size]=5&page[number]=2')),
    )
  })

  test('have 250 records by default; one past the end is empty with the real count; an empty list has no pages', async () => {
    const first = await account.list('project-subservices')
    expect(first.data).toHaveLength(250)
    expect(first.links['last']).toContain('page%5Bsize%5D=250')
    const past = await account.list('tags?page[number]=99')
    expect(past).toMatchObject({ data: [], meta: { 'record-count': 10, 'page-count': 1 } })
    expect(past.links['prev']).toContain('=98')
    const none = await account.list('tags?filter[id]=999999')
    expect(none).toMatchObject({ data: [], meta: { 'record-count': 0, 'page-count': 0 } })
    expect(none.links['last']).toContain('page%5Bnumber%5D=1&')
    expect((await account.list('tags?page=2')).data).toHaveLength(0)
  })
})

describe('include', () => {
  test('gives linkage only for included relationships, and each included record once', async () => {
    const doc = await account.list('project-services?page[size]=100&include=project,service')
    const wanted = new Set(
      doc.data
        .flatMap((obj) => [link(obj, 'project'), link(obj, 'service')])
        .filter((l) => l !== null)
        .map((l) => `${l?.type ?? ''} ${l?.id ?? ''}`),
    )
    expect(new Set(doc.included?.map(({ type, id }) => `${type} ${id}`))).toEqual(wanted)
    expect(doc.included).toHaveLength(wanted.size)
    for (const obj of doc.data) {
      expect(obj.relationships['project-phase']).not.toHaveProperty('data')
      expect(obj.relationships['project-phase']?.links['self']).toBe(
        `${obj.links['self'] ?? ''}/relationships/project-phase`,
      )
      const stored = account.sim.records.read('project-services', obj.id)
      expect(link(obj, 'service')?.id ?? null).toBe(stored?.relationships['service'])
    }
  })

  test('takes dotted paths and to-manys, and identifies the account by its slug', async () => {
    const doc = await account.list(
      'services?filter[active]=true,false&page[size]=3&include=subservices.resource,account',
    )
    const subs = doc.data.flatMap((obj) => obj.relationships['subservices']?.data as { id: string }[])
    expect(
      doc.included
        ?.filter(({ type }) => type === 'subservices')
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(subs.map(({ id }) => id).toSorted())
    const sub = doc.included?.find(({ type }) => type === 'subservices')
    expect(sub?.relationships['resource']).toHaveProperty('data')
    expect(sub?.relationships['service']).not.toHaveProperty('data')
    expect(link(doc.data[0], 'account')).toEqual({ type: 'accounts', id: 'demo' })
    expect(doc.included?.find(({ type }) => type === 'accounts')?.id).toBe('demo')
    expect((await account.call('accounts')).status).toBe(404)
  })

  test('a record of the list is not included again', async () => {
    const id = account.sim.records.list('projects')[0]?.id ?? ''
    const doc = await account.list(`projects?filter[active]=true,false&filter[id]=${id}&include=project-phases.project`)
    expect(new Set(doc.included?.map(({ type }) => type))).toEqual(new Set(['project-phases']))
  })

  test('a to-many changes with its records', async () => {
    // with a new updated-at the project would be written anew for that reason alone
    account.sim.setSwitches({ childBumpsProject: false })
    const [project] = account.sim.records.list('projects')
    const before = (await account.one(`projects/${project?.id ?? ''}?include=project-locations`)).relationships[
      'project-locations'
    ]?.data as unknown[]
    const made = account.sim.records.create('project-locations', { relationships: { project: project?.id ?? '' } })
    const during = (await account.one(`projects/${project?.id ?? ''}?include=project-locations`)).relationships[
      'project-locations'
    ]?.data
    expect(during).toEqual([...before, { type: 'project-locations', id: made.id }])
    account.sim.records.remove('project-locations', made.id)
    expect(
      (await account.one(`projects/${project?.id ?? ''}?include=project-locations`)).relationships['project-locations']
        ?.data,
    ).toEqual(before)
  })
})

describe('filter, sort, fields', () => {
  test('a filtered list that is requested twice shows the changes made in between', async () => {
    const [variable] = await account.list('project-variables?filter[variable-context]=client').then(({ data }) => data)
    const count = async (): Promise<number> =>
      (await account.list('project-variables?filter[variable-context]=client')).data.length
    const before = await count()
    account.sim.records.update('project-variables', variable?.id ?? '', {
      attributes: { 'variable-context': 'project' },
    })
    expect(await count()).toBe(before - 1)
  })

  test('account-level lists hide archived records, children do not', async () => {
    const all = account.sim.records.list('clients')
    account.sim.records.update('clients', all[0]?.id ?? '', { attributes: { active: false } })
    const active = all
      .filter(({ attributes, id }) => attributes['active'] === true && id !== all[0]?.id)
      .map(({ id }) => id)
    expect(ids(await account.list('clients'))).toEqual(active)
    expect(ids(await account.list('clients?filter[active]=true,false'))).toEqual(all.map(({ id }) => id))
    expect((await account.list('clients?filter[active]=false')).data).toHaveLength(all.length - active.length)
    expect((await account.list('project-services')).meta['record-count']).toBe(
      account.sim.records.list('project-services').length,
    )
    const unclosed = account.sim.records
      .list('crm-opportunities')
      .filter(({ attributes }) => attributes['is-closed'] === false)
    expect((await account.list('crm-opportunities')).meta['record-count']).toBe(unclosed.length)
    expect((await account.list('crm-opportunities?filter[is-closed]=true,false')).meta['record-count']).toBe(
      account.sim.records.list('crm-opportunities').length,
    )
  })

  test('filter[project]=a,b and filter[id]=a,b select the records of either value', async () => {
    const [a, b] = account.sim.records.list('projects').map(({ id }) => id)
    const wanted = account.sim.records
      .list('project-phases')
      .filter(({ relationships: { project } }) => project === a || project === b)
      .map(({ id }) => id)
    expect(wanted.length).toBeGreaterThan(5)
    expect(ids(await account.list(`project-phases?filter[project]=${a ?? ''},${b ?? ''}`))).toEqual(wanted)
    expect(ids(await account.list(`projects?filter[active]=true,false&filter[id]=${b ?? ''},${a ?? ''},777`))).toEqual([
      a,
      b,
    ])
  })

  test('names match partly or exactly, and quotes protect a comma', async () => {
    const [client] = account.sim.records.list('clients')
    account.sim.records.update('clients', client?.id ?? '', {
      attributes: { name: 'Nested, Comma & Sons', active: true },
    })
    expect(ids(await account.list('clients?filter[name]=ested'))).toContain(client?.id)
    expect(ids(await account.list('clients?filter[name]="Nested, Comma"'))).toEqual([client?.id])
    expect(ids(await account.list('document-templates?filter[name]=sow template'))).toEqual([])
    expect((await account.list('document-templates?filter[name]=SOW Template')).data).toHaveLength(1)
    expect((await account.list('project-variables?filter[variable-context]=project,client')).data.length).toBe(
      (await account.list('project-variables?filter[variable_context]=project,client')).data.length,
    )
  })

  test('the date filter compares days, and can be ignored or refused', async () => {
    const days = account.sim.records
      .list('projects')
      .map(({ attributes }) => String(attributes['updated-at']))
      .toSorted()
    const day = days[20]?.slice(0, 10) ?? ''
    const path = `projects?filter[active]=true,false&filter[updated-at.after]=${day}`
    expect((await account.list(path)).meta['record-count']).toBe(days.filter((time) => time.slice(0, 10) >= day).length)
    expect((await account.list('projects?filter[updated-at.after]=2099-01-01')).data).toEqual([])
    account.sim.setSwitches({ dateFilter: 'ignored' })
    expect((await account.list(path)).meta['record-count']).toBe(days.length)
    account.sim.setSwitches({ dateFilter: 'refused' })
    expect(await account.problem(path)).toMatchObject({ http: 400, code: '102' })
    account.sim.setSwitches({ dateFilter: 'effective' })
  })

  test('sort leaves ties in any order unless id is in it', async () => {
    const { data } = await account.list('projects?filter[active]=true,false&sort=-updated-at,id')
    const times = data.map(({ attributes }) => String(attributes['updated-at']))
    expect(times).toEqual(times.toSorted().toReversed())
    const byStatus = await account.list('projects?filter[active]=true,false&sort=status')
    expect(ids(byStatus)).not.toEqual(ids(await account.list('projects?filter[active]=true,false&sort=status,id')))
    account.sim.setSwitches({ sortUpdatedAt: 'refused' })
    expect(await account.problem('projects?sort=-updated-at')).toMatchObject({ http: 400, code: '114' })
    expect((await account.call('projects?sort=-created_at')).status).toBe(200)
    account.sim.setSwitches({ sortUpdatedAt: 'ok' })
  })

  test('sparse fieldsets limit attributes and relationships', async () => {
    const { data } = await account.list('projects?fields[projects]=project-name,client&page[size]=2&include=client')
    expect(Object.keys(data[0]?.attributes ?? {})).toEqual(['project-name'])
    expect(Object.keys(data[0]?.relationships ?? {})).toEqual(['client'])
    expect(Object.keys((await account.one(`projects/${data[0]?.id ?? ''}`)).attributes).length).toBeGreaterThan(30)
  })
})

test('nested lists, related records and linkage have addresses of their own', async () => {
  const [project] = account.sim.records.list('projects')
  const id = project?.id ?? ''
  const contacts = account.sim.records
    .list('project-contacts')
    .filter(({ relationships }) => relationships['project'] === id)
  const nested = await account.list(`projects/${id}/project-contacts?page[size]=1`)
  expect(nested.meta).toMatchObject({ 'record-count': contacts.length, 'page-count': contacts.length })
  expect(nested.links['first']).toContain(`/demo/v1/projects/${id}/project-contacts?page`)
  expect((await account.one(`projects/${id}/client`)).id).toBe(project?.relationships['client'])
  const linkage = (await (await account.call(`projects/${id}/relationships/project-contacts`)).json()) as {
    data: { id: string }[]
  }
  expect(linkage.data.map((entry) => entry.id)).toEqual(contacts.map((entry) => entry.id))
})

test('ETags are weak, get 304, and differ after any change', async () => {
  const first = await account.call('tags')
  const etag = first.headers.get('etag') ?? ''
  expect(etag).toMatch(/^W\/"/)
  expect(first.headers.get('x-request-id')).toBeTruthy()
  const again = await account.call('tags', { headers: { 'If-None-Match': etag } })
  expect([again.status, await again.text()]).toEqual([304, ''])
  expect((await account.call('tags?page=1', { headers: { 'If-None-Match': etag } })).status).toBe(200)
  const made = account.sim.records.create('tags', { attributes: { name: 'later' } })
  const after = await account.call('tags', { headers: { 'If-None-Match': etag } })
  expect(after.status).toBe(200)
  expect(await after.text()).toContain('later')
  account.sim.records.remove('tags', made.id)
})

test('an ETag that is made of the page is the same until that page changes', async () => {
  account.sim.setSwitches({ honest304: true })
  const etag = (await account.call('tags')).headers.get('etag') ?? ''
  const statusOf = async () => (await account.call('tags', { headers: { 'If-None-Match': etag } })).status
  const client = account.sim.records.create('clients', { attributes: { name: 'elsewhere' } })
  expect(await statusOf()).toBe(304)
  const tag = account.sim.records.create('tags', { attributes: { name: 'here' } })
  expect(await statusOf()).toBe(200)
  account.sim.records.remove('tags', tag.id)
  account.sim.records.remove('clients', client.id)
  account.sim.setSwitches({ honest304: false })
})

test.each([
  ['projects?filter[nope]=1', 400, '102'],
  ['project-subservices?filter[project]=1', 400, '102'],
  ['projects?filter=x', 400, '120'],
  ['projects?include=nope', 400, '112'],
  ['projects?include=client.nope', 400, '112'],
  ['projects?sort=nope', 400, '114'],
  ['projects?page[size]=0', 400, '118'],
  ['projects?page[number]=0', 400, '118'],
  ['projects?page[size]=251', 400, '118'],
  ['projects?page[size]=x', 400, '118'],
  ['projects?fields[projects]=nope', 400, '104'],
  ['projects?fields[nope]=x', 400, '101'],
  ['projects?fields[projects]=', 400, '104'],
  ['projects/abc', 400, '103'],
  ['projects/1', 404, '404'],
])('%s is %i, code %s', async (path, http, code) => {
  expect(await account.problem(path)).toMatchObject({ http, code, status: String(http) })
})

test('headers and routes: 406, unknown parameters ignored, HEAD, OPTIONS, wrong slug, unknown route', async () => {
  expect(await account.problem('tags', { headers: { Accept: 'application/json' } })).toMatchObject({
    http: 406,
    code: '406',
  })
  expect((await account.call('tags', { headers: { Accept: '*/*' } })).status).toBe(200)
  expect((await account.call('tags?limit=1&page[foo]=2')).status).toBe(200)
  const head = await account.call('tags', { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
  expect((await account.call('tags', { method: 'OPTIONS' })).status).toBe(404)
  expect((await account.call('nothing-here')).status).toBe(404)
  const other = await fetch(`${account.sim.url}/other/v1/tags`, {
    headers: { Authorization: `Bearer ${account.token}`, Accept: mediaType },
  })
  expect(other.status).toBe(404)
})
