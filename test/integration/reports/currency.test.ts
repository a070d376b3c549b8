/** What is known of currencies where ScopeStack says less: no list of them, or nothing at all. */
import { expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../../src/simulator/server.ts'
import type { Switches } from '../../../src/simulator/switches.ts'
import { createDatabase } from '../../support/postgres/database.ts'
import { cents, sum } from '../../support/scopestack/figures.ts'
import { startWorker } from '../../support/scopestack/worker.ts'

const TYPES = ['projects', 'rate-tables', 'currencies', 'users', 'clients']

async function byCurrency(switches: Partial<Switches>) {
  const sim = await startSimulator({ projects: 30, seed: 4 })
  try {
    sim.setSwitches(switches)
    for (const { id } of sim.records.list('users').slice(0, 4)) preferEach(sim, id)
    await using database = await createDatabase()
    await using worker = await startWorker(sim, database.url)
    const { outcomes } = await worker.run(TYPES)
    const rows = await worker.sql`
      select currency, sum(revenue) as revenue, sum(revenue_in_default_currency) as converted
      from scopestack.report_revenue_by_month group by 1 order by 1`
    const all = cents(sum(sim.records.list('projects').map(({ attributes }) => Number(attributes['contract-revenue']))))
    return { outcomes, rows: rows.map((row) => ({ ...row })), all }
  } finally {
    await sim.close()
  }
}

/** Each of the first users prefers another rate table, so that each table's currency is known by one of them. */
function preferEach(sim: Simulator, user: string): void {
  const tables = sim.records.list('rate-tables')
  const place = sim.records.list('users').findIndex(({ id }) => id === user)
  const { id, relationships } = tables[place]!
  sim.records.update('users', user, {
    attributes: { 'preferred-rate-table': { name: 'x', currency_id: Number(relationships['currency'] ?? 1) } },
    relationships: { 'rate-table': id },
  })
}

it('without a list, rate tables have the currency that users carry, by its number, and only the default one is converted', async () => {
  const { outcomes, rows, all } = await byCurrency({
    currencies: 'several',
    missingLists: ['currencies'],
    refusedIncludes: { 'rate-tables': ['currency'] },
  })
  expect(outcomes.find(({ resource }) => resource === 'currencies')?.outcome).toBe('absent')
  expect(rows.map((row) => row['currency'] as string)).toEqual([
    'account default',
    'currency 2',
    'currency 3',
    'currency 4',
  ])
  expect(cents(sum(rows.map((row) => Number(row['revenue']))))).toBe(all)
  expect(rows.map((row) => row['converted'] === null)).toEqual([false, true, true, true])
})

it('where nothing says anything of currencies, there is one, and sums are as without', async () => {
  const { rows, all } = await byCurrency({ currencies: 'none', missingLists: ['currencies'] })
  expect(rows).toHaveLength(1)
  expect(rows[0]!['currency']).toBe('account default')
  expect([cents(rows[0]!['revenue']), cents(rows[0]!['converted'])]).toEqual([all, all])
})
