/** All models by type. A group is a file of this folder; a new file is listed here. */
import * as catalog from './catalog.ts'
import * as companies from './companies.ts'
import { inferred } from './inferred.ts'
import type { Model } from './model.ts'
import * as people from './people.ts'
import * as projectEffort from './project-effort.ts'
import * as projectParts from './project-parts.ts'
import * as projects from './projects.ts'
import * as settings from './settings.ts'

const groups: readonly Readonly<Record<string, Model>>[] = [
  people,
  companies,
  catalog,
  settings,
  projects,
  projectEffort,
  projectParts,
]

export const models: ReadonlyMap<string, Model> = new Map(
  [...groups.flatMap((group) => Object.values(group)), ...inferred].map((of) => [of.type, of]),
)
