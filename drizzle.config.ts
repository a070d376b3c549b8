import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: [
    './src/store/schema/schema.ts',
    './src/store/schema/pull-tables.ts',
    './src/store/schema/shared-tables.ts',
    './src/store/schema/live-tables.ts',
    './src/store/schema/history-tables.ts',
  ],
  out: './migrations',
  schemaFilter: ['scopestack', 'sync', 'scopestack_history'],
})
