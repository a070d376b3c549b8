/**
 * "discover": compares the catalog with what the account sends, and writes missing members into the files of src/resources/.
 */
import { withStore } from '../assemble/store.ts'
import { withWorker, type Worker } from '../assemble/worker.ts'
import { catalog } from '../catalog/registry.ts'
import { usage } from '../errors/commands.ts'
import { EXIT } from '../errors/sync-error.ts'
import { createLogger, noteRetries } from '../logger.ts'
import { openLive } from '../screen/live.ts'
import { onTerminal, stdout } from '../screen/streams.ts'
import { discover as runDiscover, type Discovered, type DiscoverReport } from '../sync/discover/discover.ts'
import { CATALOG_FOLDER, writeCatalog, type WrittenFile } from '../sync/discover/write-catalog.ts'
import { describeResource, describeSummary, describeWritten, differs } from './output/discover-output.ts'
import { chooseResources, readSettings } from './settings.ts'
import type { Call } from './verb.ts'

export async function run({ args, options, signal }: Call): Promise<number> {
  const config = readSettings({ credentials: true })
  const write = options['write']
  if (typeof write === 'string' && catalog.has(write)) {
    throw usage(`--write took "${write}" for the folder. Name the resources first: discover ${write} --write`)
  }
  const chosen = chooseResources(catalog, args.length > 0 ? args : config.resources)
  const json = options['json'] === true
  const terminal = onTerminal()
  const say = (lines: readonly string[]): void => void (json || stdout.say(lines))
  const live = terminal && !json ? openLive() : undefined
  const onRetry = noteRetries(createLogger({ level: config.logLevel, terminal }))
  const onFailure = (error: unknown): unknown => {
    live?.clear()
    return error
  }
  const compare = async ({ client, slug, pageSize }: Worker): Promise<number> => {
    const report = await runDiscover(
      { client, slug, catalog, pageSize },
      {
        resources: chosen,
        beyond: args.length === 0 && config.resources === undefined,
        signal,
        onBegin: (type) => live?.paint(`… ${type}`),
        onEnd: (found) => {
          live?.clear()
          say(describeResource(found))
        },
      },
    )
    live?.clear()
    const folder = typeof write === 'string' ? write : CATALOG_FOLDER
    const written = write === undefined ? undefined : await writeCatalog(report.discovered, folder)
    say(describeSummary(report, written === undefined))
    if (written !== undefined) say(describeWritten(report, written))
    if (json) stdout.json(forMachines(report, written))
    return report.discovered.some(differs) ? EXIT.notAllOk : EXIT.ok
  }
  return await withStore(config, signal, (store) => withWorker(config, store, { signal, onRetry }, compare), {
    moves: true,
    onFailure,
  })
}

const forMachines = ({ discovered, document }: DiscoverReport, written: readonly WrittenFile[] | undefined) => ({
  resources: discovered.map(({ resource, ...found }: Discovered) => ({ resource: resource.type, ...found })),
  document: document ?? null,
  ...(written === undefined ? {} : { written: written.map(({ path, replaced }) => ({ path, replaced })) }),
})
