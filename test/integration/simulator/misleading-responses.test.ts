/** Writes that are done although the response shows something else, and error bodies in the shapes of plain Rails controllers. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { switchesOf, type Switches } from '../../../src/simulator/switches.ts'
import { open, type Account } from './account.ts'

let account: Account
beforeAll(async () => {
  account = await open({ projects: 2 })
})
afterEach(() => {
  account.sim.setSwitches(switchesOf('help-pages'))
})
afterAll(() => account.sim.close())

const KINDS: readonly [Switches['foreignWrites'], RegExp][] = [
  ['other-record', /^\{"data":\{"id":"(?!ID")/],
  ['other-type', /"id":"ID","type":"tags"/],
  ['list', /^\{"data":\[\{"id":"ID","type":"clients"/],
  ['html', /^<html>/],
  ['empty', /^$/],
  ['other-account', /"id":"ID","type":"clients".+"account":\{"data":\{"type":"accounts","id":"somebody-else"/],
]

test.each(KINDS)('foreignWrites %s: the write is done nevertheless', async (foreignWrites, body) => {
  const { id } = account.sim.records.list('clients')[1]!
  account.sim.setSwitches({ foreignWrites })
  const attributes = { domain: `${foreignWrites}.test` }
  const answer = await account.send('PATCH', `clients/${id}`, { id, type: 'clients', attributes })
  expect(answer.status).toBe(200)
  expect((await answer.text()).replaceAll(`"${id}"`, '"ID"')).toMatch(body)
  expect(account.sim.records.read('clients', id)!.attributes).toMatchObject(attributes)

  const before = account.sim.records.list('clients').length
  await account.send('POST', 'clients', { type: 'clients', attributes: { name: `Made ${foreignWrites}` } })
  expect(account.sim.records.list('clients')).toHaveLength(before + 1)
})

describe('errorShape', () => {
  const SHAPES: readonly [Switches['errorShape'], string][] = [
    ['error', '{"error":"Name has already been taken"}'],
    ['object', '{"errors":{"name":["has already been taken"]}}'],
    ['list', '{"errors":["Name has already been taken"]}'],
    ['text', 'Name has already been taken'],
  ]

  test.each(SHAPES)('%s is the shape of the error body', async (errorShape, body) => {
    const [one, two] = account.sim.records.list('clients')
    account.sim.setSwitches({ errorShape })
    const attributes = { name: two!.attributes['name'] }
    const answer = await account.send('PATCH', `clients/${one!.id}`, { id: one!.id, type: 'clients', attributes })
    expect([answer.status, await answer.text()]).toEqual([422, body])
  })
})

test('refusedMembers are not allowed in a write', async () => {
  const [one] = account.sim.records.list('clients')
  account.sim.setSwitches({ refusedMembers: { clients: ['domain'] } })
  const answer = await account.send('PATCH', `clients/${one!.id}`, {
    id: one!.id,
    type: 'clients',
    attributes: { domain: 'x.test' },
  })
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ errors: [{ code: '105', detail: 'domain is not allowed.' }] })
})
