import { explainStoreError, openStore, openWorker } from '../assemble.ts'
import { catalog } from '../catalog/registry.ts'
import { usage } from '../errors/commands.ts'
import { EXIT } from '../errors/sync-error.ts'
import { createLogger, noteRetries } from '../logger.ts'
import { openLive } from '../screen/live.ts'
import { onTerminal, stdout } from '../screen/streams.ts'
import { discover as runDiscover, type Discovered, type DiscoverReport } from '../sync/discover/discover.ts'
import { CATALOG_FOLDER, writeCatalog, type WrittenFile } from '../sync/discover/write-catalog.ts'
import { chooseResources } from './choose-resources.ts'
import { describeResource, describeSummary, describeWritten, differs } from './output/discover-output.ts'
import { readSettings } from './settings.ts'
import type { Verb } from './verb.ts'

export const discover: Verb = {
  name: 'discover',
  summary: 'hold the catalog against the live account, and write what it lacks',
  args: '[resource...]',
  answers: true,
  options: [
    { flags: '--write [folder]', about: 'write the files that close the difference; by default into src/resources/' },
    { flags: '--json', about: 'one JSON document on stdout, for machines' },
  ],
  help: `Reads a few pages from both ends of every list, asks for relationships that nobody has
declared, and looks for the API's own description (Swagger). The mirror is not touched.

Each difference is one of
  new      a member that is not declared, with the kind that all values met suggest
  misfit   values that do not fit the kind that is declared; up to 5 % of 20 or more are
           taken for mistakes, which sync_extra keeps, and make no other kind
  leads    a relationship that leads to another type than the one declared, or to many
  gone     a member that is declared and that no record looked at carried
  refused  an include or a filter that is declared and that the server does not take
  absent   a list that is declared and not there, or one that is there and not declared

Nothing is lost meanwhile: what is not declared is kept in sync_extra. With --write, read
the files, say in their comments what the members mean, and make the migration:
npm run db:generate. A member that is gone is never taken out. Files that stand in FOLDER are
replaced; those of another folder than src/resources/ have to be moved there first.

Exits with 2 when something differs. What the role may not see is said, and no difference.

Examples
  npm run -s sync -- discover
  npm run -s sync -- discover projects clients --write
  npm run -s sync -- discover --write /tmp/resources`,

  async run({ args, options, signal }) {
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
    const store = await openStore(config, signal, { moves: true })
    try {
      const log = createLogger({ level: config.logLevel, terminal })
      const worker = await openWorker(config, store, signal, noteRetries(log))
      try {
        const { client, slug, pageSize } = worker
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
      } finally {
        await worker.close()
      }
    } catch (error) {
      live?.clear()
      throw await explainStoreError(error, store)
    } finally {
      await store.close()
    }
  },
}

const forMachines = ({ discovered, document }: DiscoverReport, written: readonly WrittenFile[] | undefined) => ({
  resources: discovered.map(({ resource, ...found }: Discovered) => ({ resource: resource.type, ...found })),
  document: document ?? null,
  ...(written === undefined ? {} : { written: written.map(({ path, replaced }) => ({ path, replaced })) }),
})
