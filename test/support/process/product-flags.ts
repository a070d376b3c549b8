/** The flags of Node that the product runs with: those of the script `sync` in package.json. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')) as {
  scripts: { sync: string }
}

export const PRODUCT_FLAGS: readonly string[] = scripts.sync.split(' ').filter((word) => word.startsWith('--'))
