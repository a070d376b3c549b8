import { explainStore, openPusher, openStore, openWorker } from '../assemble.ts'
import { readConfig } from '../config.ts'
import { createLogger, noteRetries } from '../logger.ts'
import { countChanges } from '../store/changes.ts'
import { plan } from '../sync/plan.ts'
import { push as runPush } from '../sync/push.ts'
import type { Settled } from '../sync/send.ts'
import { planText, planJson, wrapped } from './change-words.ts'
import type { Verb } from './verb.ts'
import { thousands } from './words.ts'
import { EXIT, reason, SyncError } from '../sync-error.ts'

export const push: Verb = {
  name: 'push',
  summary: 'carry local edits to ScopeStack, now, in this process',
  options: [
    { flags: '--plan', about: 'show what would be sent, and what both sides hold; sends nothing' },
    { flags: '--json', about: 'one JSON object a line on stdout, for machines' },
  ],
  help: `Edits of schema scopestack wait in an outbox until they are sent. "start" sends them within a
second; this is for those who would rather do it themselves (SYNC_PUSH=off), or look first.

Before a change is sent, ScopeStack is asked what it holds. Other fields that changed there are
kept; the same field is settled by SYNC_CONFLICT, which sets the change aside unless told
otherwise. What ScopeStack refuses is set aside too, with its reason, and the rest goes on.

Each change ends as one of
  sent        ScopeStack took it
  superseded  nothing was left to send, or a later change took it up
  parked      set aside for you: "changes list"

Examples
  npm run -s sync -- push --plan
  npm run -s sync -- push
  npm run -s sync -- changes list`,

  async run({ options, signal }) {
    const config = readConfig({ credentials: true })
    const json = options['json'] === true
    const log = createLogger({ level: config.logLevel, terminal: process.stderr.isTTY && process.stdout.isTTY })
    const store = await openStore(config, signal)
    try {
      const worker = await openWorker(config, store, signal, noteRetries(log))
      const pusher = openPusher(worker, config)
      try {
        if (options['plan'] === true) {
          const planned = await plan(pusher, signal)
          say(json ? planned.map((one) => JSON.stringify(planJson(one))).join('\n') : planText(planned, worker.catalog))
          return EXIT.ok
        }
        const tally = { sent: 0, superseded: 0, parked: 0, postponed: 0 }
        const onSettled = (settled: Settled): void => {
          tally[settled.fate]++
          const line = json ? JSON.stringify(settledJson(settled)) : settledLine(settled)
          if (line !== null) say(line)
        }
        await runPush(pusher, { signal, onSettled })
        const left = await countChanges(store.sql)
        say(json ? JSON.stringify({ type: 'push', ...tally, left }) : summary(tally, left))
        return (left['parked'] ?? 0) + (left['waiting'] ?? 0) + (left['sending'] ?? 0) === 0 ? EXIT.ok : EXIT.notAllOk
      } finally {
        await pusher.close()
        await worker.close()
      }
    } catch (error) {
      const explained = await explainStore(error, store)
      const code = explained instanceof SyncError ? explained.code : null
      if (json) say(JSON.stringify({ type: 'error', code, message: reason(explained) }))
      throw explained
    } finally {
      await store.close()
    }
  },
}

const say = (text: string): void => void (text === '' || process.stdout.write(`${text}\n`))

/** What went well needs no line of its own: there may be thousands. */
const settledLine = ({ change, error }: Settled): string | null =>
  error === null ? null : wrapped(`Change ${change.id}: ${error.message}`, '')

const settledJson = ({ change, fate, error }: Settled) => ({
  type: 'change',
  id: change.id,
  resource: change.resource,
  record: change.recordId,
  op: change.op,
  fate,
  code: error?.code ?? null,
  message: error?.message ?? null,
})

function summary({ sent, superseded }: Record<string, number>, left: Record<string, number>): string {
  const parts = [`${thousands(sent ?? 0)} sent`]
  if ((superseded ?? 0) > 0) parts.push(`${thousands(superseded!)} with nothing left to send`)
  const later = (left['waiting'] ?? 0) + (left['sending'] ?? 0)
  if (later > 0) parts.push(`${thousands(later)} tried again later`)
  if ((left['parked'] ?? 0) > 0) parts.push(`${thousands(left['parked']!)} parked: see "changes list"`)
  return `${parts.join(' · ')}.`
}
