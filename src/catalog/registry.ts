/** The catalog: every file of `resources/`, found rather than listed, so that adding a resource touches no other file. */
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Resource } from './resource.ts'

// drizzle-kit loads this file as CommonJS, where `import.meta` is an empty object and `import()` would come too late;
// `require` of a TypeScript module works in both worlds as long as no resource file awaits at its top level.
const here = import.meta.dirname ?? __dirname
const require = createRequire(join(here, 'registry.ts'))

/** All resources by type, in alphabetical order. */
export const catalog: ReadonlyMap<string, Resource> = new Map(
  readdirSync(join(here, '../resources'))
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => (require(join(here, '../resources', file)) as { default: Resource }).default)
    .map((resource) => [resource.type, resource]),
)
