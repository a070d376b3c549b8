/** A plausible consultancy, each type after those that it refers to: about 34 records a project. */
import { createRandom, type Random } from '../records/random.ts'
import type { Records } from '../records/records.ts'
import { createBuilder } from './builder.ts'
import { makeCatalog } from './catalog.ts'
import { makeCompanies } from './companies.ts'
import { setCurrencies } from './currencies.ts'
import { makeInferred, makeInferredTargets } from './inferred.ts'
import { makeBusinessUnits, makePeople } from './people.ts'
import { makeProjects } from './projects.ts'
import { makeQuestionnaires, makeSurveys } from './questionnaires.ts'
import { makeSettings } from './settings.ts'

export interface GenerateOptions {
  readonly seed: number
  readonly projects: number
  readonly account: { readonly id: number; readonly slug: string }
}

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
  setCurrencies(records, 'one')
}

/** Other records repeat these, or sum them up. */
const keepValues = new Set(['hourly-rate', 'hourly-cost', 'suggested-hours', 'fixed-hours', 'client-name'])

/** Every nullable attribute is null somewhere, or a reader's handling of null is never tested: about one record in twenty,
 *  and at least one, of each attribute that has no null yet. */
function insertNulls(records: Records, random: Random): void {
  for (const { model, ordered } of records.tables()) {
    for (const [name, { nullable, access }] of Object.entries(model.attributes)) {
      if (!nullable || access === 'never' || keepValues.has(name)) continue
      if (ordered.some(({ attributes }) => attributes[name] === null)) continue
      const chosen = ordered.length === 0 ? null : random.pick(ordered)
      for (const rec of ordered) if (rec === chosen || random.chance(0.05)) rec.attributes[name] = null
    }
  }
}
