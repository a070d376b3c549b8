/** The settings of a command: every mistake in any of them at once, also those that only the catalog or croner can tell. */
import { catalog } from '../catalog/registry.ts'
import { readConfig, type Check, type Config } from '../config/config.ts'
import { configInvalid } from '../errors/commands.ts'
import { readSchedules } from '../jobs/schedule.ts'
import { readRules } from '../sync/push/conflict-rules.ts'
import { unknownOf } from './choose-resources.ts'

const CHECKS: readonly Check[] = [
  ({ resources = [] }) => {
    const mistakes = unknownOf(catalog, resources).map((line) => `SYNC_RESOURCES: ${line}`)
    if (mistakes.length > 0) throw configInvalid(mistakes)
  },
  // An unknown time zone is already reported by itself.
  ({ schedule = 'off', incrementalSchedule = 'off', timezone = 'UTC' }) =>
    void readSchedules({ schedule, incrementalSchedule, timezone }),
  ({ conflict }) => void readRules(conflict, catalog),
]

/**
 * @param credentials whether the command speaks to ScopeStack; without it the client id and secret may be missing.
 * @throws SyncError SYNC_CONFIG with every mistake.
 */
export const readSettings = ({ credentials }: { credentials: boolean }): Config =>
  readConfig({ credentials, checks: CHECKS })
