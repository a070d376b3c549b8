import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: ['./src/store/schema.ts', './src/store/schema-reading.ts'],
  out: './migrations',
  schemaFilter: ['scopestack', 'sync'],
})
