import { explainStoreError, openStore, openWorker } from '../assemble.ts'
import { catalog } from '../catalog/registry.ts'
import { usage } from '../errors/commands.ts'
import { EXIT, hasCode, type SyncError } from '../errors/sync-error.ts'
import { createLogger, noteRetries } from '../logger.ts'
import { onTerminal } from '../screen/streams.ts'
import { isSuccess } from '../store/runs/runs.ts'
import { pull as runPull } from '../sync/run/run.ts'
import { chooseResources } from './choose-resources.ts'
import { embeddedNote } from './output/embedded-note.ts'
import { chooseProgress } from './output/progress.ts'
import { readSettings } from './settings.ts'
import type { Verb } from './verb.ts'

export const pull: Verb = {
  name: 'pull',
  summary: 'bring the ScopeStack account into Postgres, now, in this process',
  args: '[resource...]',
  options: [
    { flags: '--full', about: 'read everything, not only what changed, and begin anew where a pull was interrupted' },
    { flags: '--allow-mass-delete', about: 'with --full: believe a list that lacks more rows than SYNC_DELETE_LIMIT' },
    {
      flags: '--accept-withheld',
      about: 'with --full: take it for right that records no longer carry what every one of them had',
    },
    { flags: '--json', about: 'one JSON object a line on stdout, for machines' },
  ],
  help: `Brings every table up to date and writes the rows that differ. What says when it changed, and
what belongs to projects, is read only as far as it changed; with --full, and the first time,
everything is. What is read whole, and what belongs to a changed project, also shows which
records are gone: their rows are marked deleted (sync_deleted_at). The number beside a
resource is of records read, so 0 means that nothing of it had changed. The tables are made
when they are missing. Interrupted by Ctrl-C, a kill or a failure, the next
pull goes on where it stopped.

Without DATABASE_URL an embedded Postgres is used, in .scopestack-sync/ of this folder.

Each resource ends as one of
  ok          the list was proved to be all there
  absent      the account does not have it, which was to be expected
  incomplete  it could not be proved; what was read is written, and nothing deleted. Or records
              lack a member that every one of them had: its column keeps what was sent last,
              until it comes back or --accept-withheld says that it is gone for good
  suspect     so much is missing from the list that nothing was deleted
  forbidden   the service account's role may not see it
  failed      the reason is shown

Examples
  npm run -s sync -- pull
  npm run -s sync -- pull clients projects
  npm run -s sync -- pull --json | tail -n 1     the run, or the error that ended it`,

  async run({ args, options, signal }) {
    const config = readSettings({ credentials: true })
    const chosen = chooseResources(catalog, args.length > 0 ? args : config.resources)
    const allowMassDelete = options['allowMassDelete'] === true
    if (allowMassDelete && options['full'] !== true) {
      throw usage('--allow-mass-delete needs --full: only a list that is read whole shows what is gone.')
    }
    const acceptWithheld = options['acceptWithheld'] === true
    if (acceptWithheld && options['full'] !== true) {
      throw usage('--accept-withheld needs --full: only reading everything shows what every record carries.')
    }
    const json = options['json'] === true
    const terminal = onTerminal()
    const log = createLogger({ level: config.logLevel, terminal })
    const store = await openStore(config, signal, { moves: true })
    const progress = chooseProgress({ json, terminal })
    try {
      if (store.embedded !== undefined) {
        progress.note([...embeddedNote(store, 'this command does'), ''])
      }
      const onRetry = (error: SyncError): void => {
        noteRetries(log)(error)
        // Nothing else on the screen moves meanwhile.
        if (hasCode(error, 'SYNC_PACE_WAITS')) progress.note(error.message)
        if (hasCode(error, 'SYNC_RATE_LIMITED') && error.facts.seconds > 0) {
          const { seconds, status = 429 } = error.facts
          progress.note(`ScopeStack asks to wait ${seconds} s before the next request (${status}).`)
        }
      }
      const worker = await openWorker(config, store, signal, onRetry)
      if (worker.lostEdits !== null) progress.note(worker.lostEdits)
      try {
        const report = await runPull(worker, {
          resources: chosen,
          changesOnly: options['full'] !== true,
          restart: options['full'] === true,
          allowMassDelete,
          retryAbsent: args.length > 0,
          acceptWithheld,
          signal,
          onEvent: (event) => progress.event(event),
        })
        progress.finish(report)
        return report.outcomes.every(({ outcome }) => isSuccess(outcome)) ? EXIT.ok : EXIT.notAllOk
      } finally {
        await worker.close()
      }
    } catch (error) {
      const explained = await explainStoreError(error, store)
      progress.abandon(explained)
      throw explained
    } finally {
      await store.close()
    }
  },
}
