/** What a command works with: its settings, with every mistake in them at once, and the resources that it names. */
import { catalog } from '../catalog/registry.ts'
import type { Resource } from '../catalog/resource.ts'
import { inspectConfig, readConfig, type Check, type Config, type InspectedConfig } from '../config/config.ts'
import { nearest } from '../config/nearest.ts'
import { configInvalid, usage } from '../errors/commands.ts'
import { readSchedules } from '../jobs/schedule.ts'
import { createSeal } from '../remote/auth/seal.ts'
import { openFleetState, type FleetState } from '../report/fleet-state.ts'
import type { OverviewDeps } from '../report/overview.ts'
import type { Database } from '../store/connection/database.ts'
import { ALL, OFF } from '../store/schema/history.ts'
import { canReadIncrementally } from '../sync/incremental/can-read.ts'
import { readRules } from '../sync/push/conflict-rules.ts'

/** Mistakes that only the catalog or croner can find. */
const CHECKS: readonly Check[] = [
  ({ resources = [] }) => {
    const mistakes = unknownOf(catalog, resources).map((line) => `SYNC_RESOURCES: ${line}`)
    if (mistakes.length > 0) throw configInvalid(mistakes)
  },
  ({ history = [] }) => {
    const mistakes = historyMistakes(history)
    if (mistakes.length > 0) throw configInvalid(mistakes)
  },
  // An unknown time zone is already reported by itself.
  ({ schedule = 'off', incrementalSchedule = 'off', timezone = 'UTC' }) =>
    void readSchedules({ schedule, incrementalSchedule, timezone }),
  ({ conflict }) => void readRules(conflict, catalog),
]

function historyMistakes(named: readonly string[]): string[] {
  const alone = [ALL, OFF].find((word) => named.includes(word))
  if (alone === undefined) return unknownOf(catalog, named, [ALL, OFF]).map((line) => `SYNC_HISTORY: ${line}`)
  return named.length === 1 ? [] : [`SYNC_HISTORY: "${alone}" stands alone.`]
}

/**
 * @param credentials whether the command speaks to ScopeStack; without it the client id and secret may be missing.
 * @throws SyncError SYNC_CONFIG with every mistake.
 */
export const readSettings = ({ credentials }: { credentials: boolean }): Config =>
  readConfig({ credentials, checks: CHECKS })

/** The same for a command that goes on with what can be read. */
export const inspectSettings = (env?: Readonly<Record<string, string | undefined>>): InspectedConfig =>
  inspectConfig({ credentials: true, checks: CHECKS }, env)

/**
 * The resources that a person means; without a name all that are on by default.
 *
 * @param named types as typed or configured; a table's name (`project_services`) is understood too.
 * @throws SyncError SYNC_USAGE naming every word that is not a resource, with the nearest that is.
 */
export function chooseResources(
  known: ReadonlyMap<string, Resource>,
  named: readonly string[] | undefined,
): readonly Resource[] {
  if (named === undefined || named.length === 0) return [...known.values()].filter(({ byDefault }) => byDefault)
  const lines = unknownOf(known, named)
  if (lines.length > 0) throw usage(lines[0]!, ...lines.slice(1), `All of them: ${[...known.keys()].join(', ')}.`)
  return [...new Set(named.map(typeOf))].map((type) => known.get(type)!)
}

/** What a run of each schedule is for. */
export function scheduledResources({ resources }: Pick<Config, 'resources'>): OverviewDeps['resources'] {
  const chosen = chooseResources(catalog, resources)
  const types = new Set(chosen.map(({ type }) => type))
  return {
    full: [...types],
    incremental: chosen.filter((resource) => canReadIncrementally(resource, types)).map(({ type }) => type),
  }
}

export const fleetStateOf = (config: Config, sql: Database): FleetState =>
  openFleetState(sql, { redisUrl: config.redisUrl, keyId: () => createSeal(config).keyId })

const typeOf = (name: string): string => name.trim().toLowerCase().replaceAll('_', '-')

/** A sentence for each word that is not a resource. */
export const unknownOf = (
  known: ReadonlyMap<string, Resource>,
  named: readonly string[],
  /** Other words that may have been meant. */
  words: readonly string[] = [],
): string[] =>
  named
    .filter((name) => !known.has(typeOf(name)))
    .map(
      (name) =>
        `"${name}" is no resource; did you mean ${nearest(typeOf(name), [...known.keys(), ...words]) ?? 'none'}?`,
    )
