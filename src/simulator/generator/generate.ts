import { createRandom } from '../records/random.ts'
import type { Records } from '../records/records.ts'
import { createBuilder } from './builder.ts'
import { makeCatalog } from './catalog.ts'
import { makeCompanies } from './companies.ts'
import { makeInferred, makeInferredTargets } from './inferred.ts'
import { insertNulls } from './nulls.ts'
import { makeBusinessUnits, makePeople } from './people.ts'
import { makeProjects } from './projects.ts'
import { makeQuestionnaires, makeSurveys } from './questionnaires.ts'
import { makeSettings } from './settings.ts'

export interface GenerateOptions {
  readonly seed: number
  readonly projects: number
  readonly account: { readonly id: number; readonly slug: string }
}

/** A believable consultancy, in the order in which things refer to each other: about 34 records a project. */
export function generate(records: Records, { seed, projects, account }: GenerateOptions): void {
  const builder = createBuilder({ random: createRandom(seed), records, account, projects })
  makeSettings(builder)
  makeInferredTargets(builder)
  makePeople(builder)
  makeCatalog(builder)
  makeCompanies(builder)
  makeBusinessUnits(builder)
  makeQuestionnaires(builder)
  makeProjects(builder)
  if (projects > 0) makeSurveys(builder)
  makeInferred(builder)
  insertNulls(records, builder.random)
}
