/** Of the command line and the settings: mistakes of the operator, found before anything is opened, and stops on request. */
import type { Entry } from './entry.ts'

export const COMMANDS = {
  SYNC_CONFIG: {
    scope: 'run',
    remedy: 'stop',
    exit: 'config',
    meaning: 'A setting is missing, misspelt or has a value that cannot be used.',
    action: 'Correct every setting that the message lists; `.env.example` describes them.',
  },
  SYNC_USAGE: {
    scope: 'run',
    remedy: 'stop',
    exit: 'usage',
    meaning: 'The command line names an option, a resource or an id that the command does not take.',
    action: 'Correct the command line; `--help` behind the command shows what it takes.',
  },
  SYNC_STOPPED: {
    scope: 'run',
    remedy: 'stop',
    meaning: 'The process was asked to stop (Ctrl-C, SIGTERM).',
    action: 'Run the same command again: it continues from the checkpoint.',
  },
  SYNC_NOTHING_PULLED: {
    scope: 'run',
    remedy: 'stop',
    meaning: '`verify` was run on a database into which nothing was pulled.',
    action: 'Run `pull` first.',
  },
  SYNC_BACKFILL_DIFFERS: {
    scope: 'run',
    remedy: 'stop',
    meaning: 'A backfill with other resources, or another --since, has not ended.',
    action: 'Continue it with `backfill` alone, or replace it with --restart.',
  },
  SYNC_NOT_WRITABLE: {
    scope: 'run',
    remedy: 'stop',
    meaning:
      '`discover --write` cannot write a file of the catalog, or `doctor --bundle` or `dictionary --html` its file.',
    action: 'Name a place that can be written to.',
  },
} as const satisfies Record<string, Entry>
