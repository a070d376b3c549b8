/** Decimals are strings with at least one digit after the point (API notes §8). */
export function decimal(value: number): string {
  const rounded = Math.round(value * 10_000) / 10_000
  return Number.isInteger(rounded) ? rounded.toFixed(1) : String(rounded)
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
