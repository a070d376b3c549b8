import { createRandom } from '../records/random.ts'
import type { Records } from '../records/records.ts'
import { makeCatalog } from './catalog.ts'
import { makeCompanies } from './companies.ts'
import { leaveGaps } from './gaps.ts'
import { makeLeftovers, makeTargets } from './inferred.ts'
import { createMaking } from './making.ts'
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
  const making = createMaking({ random: createRandom(seed), records, account, projects })
  makeSettings(making)
  makeTargets(making)
  makePeople(making)
  makeCatalog(making)
  makeCompanies(making)
  makeBusinessUnits(making)
  makeQuestionnaires(making)
  makeProjects(making)
  if (projects > 0) makeSurveys(making)
  makeLeftovers(making)
  leaveGaps(records, making.random)
}
