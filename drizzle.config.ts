import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: ['./src/store/schema/schema.ts', './src/store/schema/pull-tables.ts'],
  out: './migrations',
  schemaFilter: ['scopestack', 'sync'],
})
