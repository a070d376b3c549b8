/** What the triggers of the history say, beside SYNC_HISTORY. Pure. */
import type { HistoryState } from '../../store/schema/history.ts'
import { listed } from './decide-scopestack.ts'
import { ok, warn, type Finding } from './finding.ts'

const AT_START = 'The next "start", "pull" or "migrate" of the owner of the tables'

export function decideHistory(state: HistoryState): readonly Finding[] {
  const { recorded, broken, missing, surplus } = state
  const facts = { ...state }
  const found: Finding[] = []
  if (broken.length > 0)
    found.push(
      warn(
        `History is recorded no more, or not shown, as a trigger or a view was changed: ${listed(broken)}.`,
        `${AT_START} begins anew; what changes until then has no version.`,
        { facts },
      ),
    )
  if (missing.length > 0)
    found.push(warn(`Named in SYNC_HISTORY, and not recorded: ${listed(missing)}.`, `${AT_START} begins.`, { facts }))
  if (surplus.length > 0)
    found.push(
      warn(
        `Recorded, and not named in SYNC_HISTORY: ${listed(surplus)}.`,
        `${AT_START} ends it. Give every process of a fleet the same setting.`,
        { facts },
      ),
    )
  if (found.length > 0) return found
  return [ok(recorded.length === 0 ? 'Off.' : `Recorded: ${listed(recorded)}.`, facts)]
}
