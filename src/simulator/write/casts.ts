import type { Attribute } from '../model/model.ts'
import { writtenDecimal } from '../records/numbers.ts'

/** What Rails makes of a written value: it converts and never refuses (API notes §12: "text in a decimal attribute, with
 *  200"), and an empty string clears a number (API notes §5). */
export function cast({ kind }: Attribute, value: unknown): unknown {
  if (value === null || value === undefined) return null
  switch (kind) {
    case 'string':
    case 'text':
      return typeof value === 'string' ? value : JSON.stringify(value)
    case 'boolean':
      return value === ''
        ? null
        : !(value === false || ['false', 'f', '0', 'off'].includes(String(value).toLowerCase()))
    case 'integer':
      return value === '' ? null : Math.trunc(leading(value))
    case 'number':
      return value === '' ? null : leading(value)
    case 'decimal':
      return value === '' ? null : writtenDecimal(value)
    case 'date':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value))
        ? new Date(value).toISOString().slice(0, 10)
        : null
    case 'datetime':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? new Date(value).toISOString() : null
    case 'strings':
      return Array.isArray(value)
        ? value.map(String)
        : String(value)
            .split(',')
            .map((entry) => entry.trim())
            .filter(Boolean)
    case 'json':
    case 'variables':
      return value
  }
}

function leading(value: unknown): number {
  const found = Number.parseFloat(String(value))
  return Number.isFinite(found) ? found : 0
}
