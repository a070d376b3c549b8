import { describe, expect, test } from 'vitest'
import { generate } from '../../../src/simulator/generator/generate.ts'
import { models } from '../../../src/simulator/model/models.ts'
import { Records, idOf } from '../../../src/simulator/records/records.ts'
import { totalHours, totals } from '../../../src/simulator/write/computed.ts'

const account = { id: 1001, slug: 'demo' }
function made(seed: number, projects: number): Records {
  const records = new Records(models.values())
  generate(records, { seed, projects, account })
  return records
}
const text = (records: Records): string =>
  JSON.stringify(
    [...records.tables()].map(({ model, ordered }) => [
      model.type,
      ordered.map(({ id, attributes, toOne, toMany }) => [id, attributes, toOne, toMany]),
    ]),
  )

const records = made(1, 120)

describe('the generated account', () => {
  test('the same seed gives the same bytes, another seed gives others', () => {
    expect(text(made(5, 30))).toBe(text(made(5, 30)))
    expect(text(made(5, 30))).not.toBe(text(made(6, 30)))
  })

  test('every type has records, with every attribute and to-one of its model', () => {
    for (const { model, ordered } of records.tables()) {
      expect(ordered.length, model.type).toBeGreaterThan(0)
      for (const rec of ordered) {
        if (model.type !== 'accounts') expect(rec.id).toMatch(/^\d+$/)
        expect(Object.keys(rec.attributes), `${model.type} ${rec.id}`).toEqual(
          expect.arrayContaining(Object.keys(model.attributes)),
        )
        for (const [name, { type }] of Object.entries(model.toOne)) {
          if (type === 'accounts') continue
          const id = idOf(rec.toOne[name])
          expect(rec.toOne, `${model.type} ${name}`).toHaveProperty(name)
          if (id !== null) expect(records.get(type, id), `${model.type} ${rec.id} ${name} ${id}`).toBeDefined()
        }
      }
    }
  })

  test('there are about 34 records a project', () => {
    const parts = [...records.tables()].filter(({ model }) => model.scope === 'project' || model.type === 'projects')
    const count = parts.reduce((sum, { ordered }) => sum + ordered.length, 0)
    expect(count / 120).toBeGreaterThan(31)
    expect(count / 120).toBeLessThan(37)
  })

  test('hours × rate is the revenue, and the value of a contract is the sum of its parts', () => {
    for (const { attributes, toOne } of records.table('project-subservices')?.ordered ?? []) {
      const role = records.get('project-resources', idOf(toOne['project-resource']) ?? '')
      const price = attributes['calculated-pricing'] as Record<string, unknown>
      expect(Number(price['service_revenue'])).toBeCloseTo(
        Number(attributes['extended-hours']) * Number(role?.attributes['hourly-rate']),
        6,
      )
      expect(typeof price['material_cost']).toBe('number')
    }
    for (const service of records.table('project-services')?.ordered ?? [])
      expect(totalHours(records, service)).toBeCloseTo(Number(service.attributes['total-hours']), 6)
    for (const { id, attributes } of records.table('projects')?.ordered ?? []) {
      const sum = totals(records, id)
      expect(Number(attributes['contract-revenue'])).toBeCloseTo(Number(sum['contract-revenue']), 4)
      expect(Number(attributes['contract-cost'])).toBeCloseTo(Number(sum['contract-cost']), 4)
    }
  })

  test('dates follow the status, and lie within three years before the base date', () => {
    for (const { attributes } of records.table('projects')?.ordered ?? []) {
      const {
        status,
        'created-at': created,
        'submitted-at': submitted,
        'approved-at': approved,
        'updated-at': updated,
      } = attributes
      if (status === 'approved' || status === 'won') expect(approved).not.toBeNull()
      if (status === 'building') expect([submitted, approved]).toEqual([null, null])
      const times = [created, submitted, approved, updated].filter((time) => time !== null).map(String)
      expect(times).toEqual(times.toSorted())
      expect(times.every((time) => time > '2023-10-25' && time < '2026-11-01')).toBe(true)
    }
  })

  test('the peculiar values of the API notes are all present', () => {
    const all = text(records)
    for (const quirk of [
      '\\r\\n',
      '"custom-hours?":true',
      '"deleted-at":"20',
      '"active":false',
      '"select_options"',
      '"material_cost":0',
      'ü',
      '"external-name":""',
      '"external-name":null',
    ])
      expect(all).toContain(quirk)
  })
})
