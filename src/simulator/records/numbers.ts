/** Decimals are strings with at least one digit after the point (API notes §8). */
export function decimal(value: number): string {
  const rounded = Math.round(value * 10_000) / 10_000
  return Number.isInteger(rounded) ? rounded.toFixed(1) : String(rounded)
}

/** A written decimal as Rails stores it: with all its digits, rounded to the four places of its column. */
export function writtenDecimal(value: unknown): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?/i.exec(String(value)) ?? []
  const digits = BigInt(`0${whole}${fraction}`)
  const shift = Number(exponent) - fraction.length + 4
  const scale = 10n ** BigInt(Math.abs(shift))
  const rounded = shift >= 0 ? digits * scale : (digits + scale / 2n) / scale
  const text = String(rounded).padStart(5, '0')
  const written = `${text.slice(0, -4)}.${text.slice(-4).replace(/0{1,3}$/, '')}`
  return sign === '-' && rounded !== 0n ? `-${written}` : written
}

/** CRM amounts carry two digits: "10000.00". */
export const money = (value: number): string => value.toFixed(2)

/** `calculated-pricing` mixes strings and numbers in one object (API notes §8). */
export function pricing(hours: number, rate: number, cost: number): Record<string, string | number> {
  return {
    service_cost: decimal(hours * cost),
    material_cost: 0,
    extended_hours: decimal(hours),
    service_revenue: decimal(hours * rate),
    material_revenue: 0,
  }
}

export const margin = (revenue: number, cost: number): string => decimal(revenue === 0 ? 0 : (revenue - cost) / revenue)
