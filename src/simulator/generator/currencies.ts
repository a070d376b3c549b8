/**
 * Currencies of the account, and which of them each rate table has. Amounts stay as they are: those of a project are in the
 * currency of its rate table.
 */
import { decimal } from '../records/numbers.ts'
import type { Fields, Records } from '../records/records.ts'

/** How much of it is worth 1.00 of the default one (API notes §13); of the last the account has no rate. */
const currencies = [
  ['US Dollar', 'Dollars', 1],
  ['Euro', 'Euros', 0.92],
  ['Pound Sterling', 'Pounds', 0.78],
  ['Yen', 'Yen', null],
] as const

export function setCurrencies(records: Records, wanted: 'none' | 'one' | 'several'): void {
  const before = records.table('currencies')?.ordered.slice() ?? []
  for (const rec of before) records.remove(rec)
  const chosen = currencies.slice(0, { none: 0, one: 1, several: currencies.length }[wanted])
  chosen.forEach(([name, format, rate], at) => {
    const attributes = { name, format, 'conversion-rate': rate === null ? null : decimal(rate), default: at === 0 }
    records.add('currencies', String(at + 1), { attributes, toOne: {} })
  })
  const tables = records.table('rate-tables')?.ordered ?? []
  tables.forEach((rec, at) => {
    const id = chosen.length === 0 ? null : String((at % chosen.length) + 1)
    records.update(rec, { toOne: { currency: id } })
    // Users carry their rate table as a raw row, with the number of the currency (API notes §2).
    for (const user of records.referring('users', 'rate-table', rec.id)) {
      const row = user.attributes['preferred-rate-table'] as Fields | null
      if (row !== null)
        records.update(user, { attributes: { 'preferred-rate-table': { ...row, currency_id: Number(id ?? 1) } } })
    }
  })
}
