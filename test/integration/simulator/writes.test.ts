import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mediaType, open, type Account, type Json, type Obj, type Problem } from './account.ts'

let account: Account
beforeAll(async () => {
  account = await open({ projects: 10 })
})
afterAll(() => account.sim.close())

async function sent(
  method: string,
  path: string,
  data: unknown,
): Promise<{ http: number; data: Obj; errors: Problem[]; response: Response }> {
  const response = await account.send(method, path, data)
  const body = (await response.json()) as { data: Obj; errors: Problem[] }
  return { http: response.status, ...body, response }
}
const client = (attributes: Json, more: Json = {}): Json => ({ type: 'clients', attributes, ...more })

describe('create, update, delete', () => {
  test('a client gets 201 with Location, then 200, and accepts the account by its number', async () => {
    const made = await sent(
      'POST',
      'clients',
      client(
        { name: 'New Client', domain: 'new.test' },
        { relationships: { account: { data: { type: 'accounts', id: 1001 } } } },
      ),
    )
    expect(made.http).toBe(201)
    expect(made.response.headers.get('location')).toBe(made.data.links['self'])
    expect(made.data.attributes).toMatchObject({ name: 'New Client', active: true, 'msa-date': null })
    expect((await account.one(`clients/${made.data.id}?include=account`)).relationships['account']?.data).toEqual({
      type: 'accounts',
      id: 'demo',
    })
    const patched = await sent('PATCH', `clients/${made.data.id}`, { id: made.data.id, ...client({ active: false }) })
    expect(patched).toMatchObject({ http: 200, data: { attributes: { active: false, domain: 'new.test' } } })
    expect((await sent('PUT', `clients/${made.data.id}`, { id: made.data.id, ...client({ active: true }) })).http).toBe(
      200,
    )
  })

  test('DELETE gets 204, then 404, and the record is no longer in its list', async () => {
    const [target] = account.sim.records.list('crm-opportunities')
    const before = account.sim.records.list('crm-opportunities').length
    expect((await account.call(`crm-opportunities/${target?.id ?? ''}`, { method: 'DELETE' })).status).toBe(204)
    expect(await account.problem(`crm-opportunities/${target?.id ?? ''}`, { method: 'DELETE' })).toMatchObject({
      http: 404,
      code: '404',
    })
    expect((await account.list('crm-opportunities?filter[is-closed]=true,false')).meta['record-count']).toBe(before - 1)
  })

  test('user-defined fields are written by name and read back as definitions', async () => {
    const [target] = account.sim.records.list('clients')
    const held = target?.attributes['user-defined-fields'] as Json[]
    const { data } = await sent('PATCH', `clients/${target?.id ?? ''}`, {
      id: target?.id,
      ...client({
        'user-defined-fields': [
          { name: 'cost_center', value: 'east' },
          { name: 'unheard_of', value: 1 },
        ],
      }),
    })
    expect(data.attributes['user-defined-fields']).toEqual(
      held.map((field) => (field['name'] === 'cost_center' ? { ...field, value: 'east' } : field)),
    )
    const made = await sent(
      'POST',
      'clients',
      client({ name: 'With Fields', 'user-defined-fields': [{ name: 'headcount', value: 7 }] }),
    )
    const fields = made.data.attributes['user-defined-fields'] as Json[]
    expect(fields.map(({ name, value }) => [name, value])).toEqual([
      ['cost_center', null],
      ['headcount', 7],
      ['contract_end', null],
    ])
    expect(fields[0]).toHaveProperty('select_options')
  })

  test('numbers are read back as decimal strings, and "" clears one', async () => {
    const [product] = account.sim.records.list('products')
    const path = `products/${product?.id ?? ''}`
    const patch = (attributes: Json): ReturnType<typeof sent> =>
      sent('PATCH', path, { id: product?.id, type: 'products', attributes })
    expect((await patch({ 'unit-cost': 12 })).data.attributes['unit-cost']).toBe('12.0')
    expect((await patch({ 'unit-cost': '' })).data.attributes['unit-cost']).toBe(null)
  })

  test('a project service is priced, and the totals of its project change', async () => {
    const [project] = account.sim.records.list('projects')
    const service = account.sim.records
      .list('project-services')
      .find(({ relationships, attributes }) => relationships['project'] === project?.id && attributes['quantity'] === 1)
    const before = project?.attributes['updated-at']
    const { data } = await sent('PATCH', `project-services/${service?.id ?? ''}`, {
      id: service?.id,
      type: 'project-services',
      attributes: { 'override-hours': 100, quantity: 2 },
    })
    expect(data.attributes).toMatchObject({
      'override-hours': '100.0',
      'extended-hours': '200.0',
      'calculated-pricing': { extended_hours: '200.0', material_cost: 0 },
    })
    const after = account.sim.records.read('projects', project?.id ?? '')
    expect(after?.attributes['contract-revenue']).not.toBe(project?.attributes['contract-revenue'])
    expect(String(after?.attributes['updated-at']) > String(before)).toBe(true)
    account.sim.setSwitches({ childBumpsProject: false })
    account.sim.records.update('project-services', service?.id ?? '', { attributes: { name: 'Renamed' } })
    expect(account.sim.records.read('projects', project?.id ?? '')?.attributes['updated-at']).toBe(
      after?.attributes['updated-at'],
    )
  })

  test('a project requires a name and a client only, and copies the name of the client', async () => {
    const [first, second] = account.sim.records.list('clients')
    const made = await sent('POST', 'projects', {
      type: 'projects',
      attributes: { 'project-name': 'Fresh' },
      relationships: { client: { data: { type: 'clients', id: first?.id } } },
    })
    expect(made).toMatchObject({
      http: 201,
      data: { attributes: { status: 'building', 'client-name': first?.attributes['name'] } },
    })
    const moved = await sent('PATCH', `projects/${made.data.id}`, {
      id: made.data.id,
      type: 'projects',
      relationships: { client: { data: { type: 'clients', id: second?.id } } },
    })
    expect(moved.data.attributes['client-name']).toBe(second?.attributes['name'])
    account.sim.records.update('clients', second?.id ?? '', { attributes: { name: 'Renamed Client' } })
    const renamed = await account.one(`projects/${made.data.id}`)
    expect(renamed.attributes).toMatchObject({
      'client-name': 'Renamed Client',
      'updated-at': moved.data.attributes['updated-at'],
    })
  })
})

describe('refused writes', () => {
  test.each<[string, number, string, string, string, unknown]>([
    [
      'read-only attribute',
      400,
      '105',
      'POST',
      'vendors',
      { type: 'vendors', attributes: { name: 'V', 'project-count': 3 } },
    ],
    [
      'attribute that no known client writes',
      400,
      '105',
      'POST',
      'project-services',
      { type: 'project-services', attributes: { name: 'S', sku: 'x' } },
    ],
    ['unknown attribute', 400, '105', 'POST', 'clients', client({ name: 'A', nope: 1 })],
    ['inherited member', 400, '105', 'POST', 'clients', client({ name: 'A', constructor: 1 })],
    ['client-generated id', 400, '105', 'POST', 'clients', client({ name: 'A' }, { id: '5' })],
    [
      'unknown relationship',
      400,
      '105',
      'POST',
      'clients',
      client({ name: 'A' }, { relationships: { nope: { data: null } } }),
    ],
    ['wrong type', 400, '101', 'POST', 'clients', { type: 'vendors', attributes: {} }],
    ['missing type', 400, '106', 'POST', 'clients', { attributes: {} }],
    ['missing data', 400, '106', 'POST', 'clients', undefined],
    ['invalid JSON', 400, '400', 'POST', 'clients', '{"data":'],
    ['unknown id', 404, '404', 'PATCH', 'clients/1', { id: '1', ...client({}) }],
    ['blank name', 422, '100', 'POST', 'clients', client({ name: ' ' })],
    ['no client', 422, '100', 'POST', 'projects', { type: 'projects', attributes: { 'project-name': 'P' } }],
    [
      'link to nothing',
      422,
      '100',
      'POST',
      'projects',
      {
        type: 'projects',
        attributes: { 'project-name': 'P' },
        relationships: { client: { data: { type: 'clients', id: '1' } } },
      },
    ],
  ])('%s: %i, code %s', async (_what, http, code, method, path, data) => {
    const before = account.sim.stats().version
    expect(await sent(method, path, data)).toMatchObject({ http, errors: [{ code, status: String(http) }] })
    expect(account.sim.stats().version).toBe(before)
  })

  test('a duplicate gets an error with the pointer of its attribute', async () => {
    const [client1, client2] = account.sim.records.list('clients')
    const { http, errors } = await sent('PATCH', `clients/${client1?.id ?? ''}`, {
      id: client1?.id,
      ...client({ name: client2?.attributes['name'] }),
    })
    expect([http, errors[0]]).toEqual([
      422,
      {
        title: 'has already been taken',
        detail: 'name - has already been taken',
        code: '100',
        status: '422',
        source: { pointer: '/data/attributes/name' },
      },
    ])
    const [place] = account.sim.records.list('project-locations')
    const again = {
      type: 'project-locations',
      attributes: { name: place?.attributes['name'] },
      relationships: { project: { data: { type: 'projects', id: place?.relationships['project'] } } },
    }
    expect((await sent('POST', 'project-locations', again)).http).toBe(422)
  })

  test('the id in the body gets 109 if it is missing, 110 if it is another', async () => {
    const [target] = account.sim.records.list('clients')
    expect((await sent('PATCH', `clients/${target?.id ?? ''}`, client({}))).errors[0]?.code).toBe('109')
    expect((await sent('PATCH', `clients/${target?.id ?? ''}`, { id: '9', ...client({}) })).errors[0]?.code).toBe('110')
  })

  test('415, types without writes, and a read-only role', async () => {
    expect(
      await account.problem('clients', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }),
    ).toMatchObject({ http: 415, code: '415' })
    expect((await account.send('POST', 'tags', { type: 'tags', attributes: { name: 'x' } })).status).toBe(404)
    account.sim.setSwitches({ readOnly: ['clients'] })
    expect((await account.send('POST', 'clients', client({ name: 'X' }))).status).toBe(403)
    expect((await account.call('clients')).status).toBe(200)
    account.sim.setSwitches({ readOnly: [] })
  })
})

describe('endpoints that are not CRUD', () => {
  test('a created document is finished after some polls; an unknown template ends in an error', async () => {
    const [project] = account.sim.records.list('projects')
    const [template] = account.sim.records.list('document-templates')
    const post = (id: string | undefined): ReturnType<typeof sent> =>
      sent('POST', 'project-documents', {
        type: 'project-documents',
        attributes: { 'template-id': id, 'document-type': 'sow', 'generate-pdf': true, 'force-regeneration': true },
        relationships: { project: { data: { type: 'projects', id: project?.id } } },
      })
    const made = await post(template?.id)
    expect(made).toMatchObject({
      http: 201,
      data: { attributes: { status: 'pending', 'template-name': template?.attributes['name'] } },
    })
    const polled = async (id: string): Promise<unknown[]> => [
      (await account.one(`project-documents/${id}`)).attributes['status'],
      (await account.one(`project-documents/${id}`)).attributes['status'],
    ]
    expect(await polled(made.data.id)).toEqual(['processing', 'finished'])
    const address = String((await account.one(`project-documents/${made.data.id}`)).attributes['document-url'])
    expect(await (await fetch(address)).text()).toMatch(/^%PDF/)
    expect(await polled((await post('77')).data.id)).toEqual(['processing', 'error'])
  })

  test('surveys are calculated in the background', async () => {
    const [questionnaire] = account.sim.records.list('questionnaires')
    const questions = questionnaire?.attributes['questions'] as Json[]
    const made = await sent('POST', 'surveys', {
      type: 'surveys',
      attributes: {
        name: 'S',
        responses: [{ 'question-id': questions[0]?.['id'], question: 'How many sites?', answer: '4' }],
      },
      relationships: { questionnaire: { data: { type: 'questionnaires', id: questionnaire?.id } } },
    })
    expect((made.data.attributes['responses'] as Json[])[0]).toMatchObject({
      slug: questions[0]?.['slug'],
      answer: '4',
      'value-type': 'number',
    })
    const put = (action: string): Promise<Response> =>
      account.call(`surveys/${made.data.id}/${action}`, { method: 'PUT', headers: { 'Content-Type': mediaType } })
    expect(((await (await put('calculate')).json()) as { data: Obj }).data.attributes['status']).toBe('calculating')
    expect((await account.one(`surveys/${made.data.id}`)).attributes['status']).toBe('calculating')
    expect((await account.one(`surveys/${made.data.id}`)).attributes).toMatchObject({
      status: 'calculated',
      recommendations: [{ quantity: '4.0', target_type: 'Service' }],
    })
    expect((await put('apply')).status).toBe(200)
    expect((await account.one(`surveys/${made.data.id}`)).attributes['status']).toBe('applied')
  })

  test('merge-data has a document for most projects, and fails for some', async () => {
    const wide = await open({ projects: 80 })
    const statuses = await Promise.all(
      wide.sim.records
        .list('projects')
        .map(async ({ id }) => (await wide.call(`projects/${id}/merge-data?filter[version]=2`)).status),
    )
    expect(new Set(statuses)).toEqual(new Set([200, 500]))
    expect(statuses.filter((status) => status === 500).length).toBeLessThan(16)
    await wide.sim.close()
  })
})
