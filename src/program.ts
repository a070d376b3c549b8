/** Parses the command line, runs the command, and turns a failure into one sentence and an exit code. */
import { Command, CommanderError } from 'commander'
import pkg from '../package.json' with { type: 'json' }
import { backfill } from './commands/help/backfill.ts'
import { changes } from './commands/help/changes.ts'
import { columns } from './commands/help/columns.ts'
import { demo } from './commands/help/demo.ts'
import { dictionary } from './commands/help/dictionary.ts'
import { discover } from './commands/help/discover.ts'
import { doctor } from './commands/help/doctor.ts'
import { login } from './commands/help/login.ts'
import { migrate } from './commands/help/migrate.ts'
import { pull } from './commands/help/pull.ts'
import { push } from './commands/help/push.ts'
import { reports } from './commands/help/reports.ts'
import { simulator } from './commands/help/simulator.ts'
import { start } from './commands/help/start.ts'
import { status } from './commands/help/status.ts'
import { verify } from './commands/help/verify.ts'
import type { Verb } from './commands/verb.ts'
import { usage } from './errors/commands.ts'
import { EXIT, exitCodeOf, reason, SyncError } from './errors/sync-error.ts'
import { stderr, stdout } from './screen/streams.ts'
import type { Stop } from './signals.ts'

/** The texts are wrapped by hand below this width; wrapping them again would break their examples and tables. */
const HELP_WIDTH = 100

const VERBS: readonly Verb[] = [
  demo,
  start,
  pull,
  backfill,
  push,
  changes,
  verify,
  columns,
  status,
  reports,
  doctor,
  discover,
  dictionary,
  migrate,
  login,
  simulator,
]

const ABOUT = `Keeps a Postgres reporting database up to date with a ScopeStack account.

First time here?  npm run demo
                  a simulated account and an embedded Postgres, nothing to set up
Your account:     npm run -s sync -- pull
                  with SCOPESTACK_CLIENT_ID and SCOPESTACK_CLIENT_SECRET in .env`

const AFTER = `
Settings are environment variables, or lines of .env: see .env.example. All mistakes in
them are reported at once.

Exit codes: 0 all ok · 1 failed · 2 finished, some resource is not ok · 64 usage ·
77 credentials refused · 78 configuration`

/** Whether the command failed when its output is lost. Other commands have their result in the database. */
let printsResult = false

export async function main(argv: readonly string[], stop: Stop): Promise<number> {
  let code: number = EXIT.ok
  const program = new Command('scopestack-sync')
    .description(ABOUT)
    .version(pkg.version, '--version')
    .addHelpText('after', AFTER)
    .configureHelp({ helpWidth: HELP_WIDTH })
    .exitOverride()
    .configureOutput(OUTPUT)
  for (const verb of VERBS) {
    const command = program
      .command(verb.name)
      .summary(verb.summary)
      .description(`${sentence(verb.summary)}\n\n${verb.help}`)
    command.exitOverride().configureOutput(OUTPUT)
    if (verb.args !== undefined) command.arguments(verb.args)
    for (const { flags, about } of verb.options) command.option(flags, about)
    command.action(async () => {
      printsResult = verb.printsResult === true
      const [{ loadEnvFile }, { run }] = await Promise.all([import('./config/config.ts'), verb.load()])
      for (const note of loadEnvFile()) stderr.say(note)
      // A signal that came while the code was loaded ends the process here, before anything is begun.
      await new Promise(setImmediate)
      stop.begin()
      code = await run({ args: command.args, options: command.opts(), signal: stop.signal })
    })
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    return await report(error, argv)
  }
}

/** Help is written as it is; errors are written by `report`. */
const OUTPUT = { writeOut: (text: string) => stdout.say(text.trimEnd().split('\n')), outputError: () => {} }

async function report(error: unknown, argv: readonly string[]): Promise<number> {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok
    const [verb] = argv
    const known = VERBS.some(({ name }) => name === verb)
    // Without a command, help is the answer.
    if (error.code === 'commander.help') return argv.length === 0 ? EXIT.ok : EXIT.usage
    // commander puts its suggestion on a line of its own; the input may have line breaks, too.
    const [, said = '', guess = ''] = /^([^]*?)(?:\n(\(Did you mean [^\n]*\?\)))?$/.exec(error.message) ?? []
    return await report(
      usage(said, ...(guess === '' ? [] : [guess]), `Try: scopestack-sync ${known ? `${verb} ` : ''}--help`),
      argv,
    )
  }
  // A SyncError's message is enough. Anything else is a bug, and a report of it needs the stack.
  stderr.say(error instanceof SyncError ? error.lines : await unexpected(error))
  return exitCodeOf(error)
}

async function unexpected(error: unknown): Promise<string[]> {
  const { frames } = await import('./logger.ts')
  const stack = error instanceof Error ? frames(error.stack ?? '').split('\n') : []
  return [
    `Unexpected: ${reason(error)}. This is a fault of scopestack-sync; please report it with these lines.`,
    ...stack,
  ]
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`
}

/** How long the last lines of a log wait for a reader. */
const LAST_LINES_MS = 2_000

/** Waits until all output has left, as every program does; a loss is reported. */
export async function leave(): Promise<void> {
  await stdout.flushed()
  const failure = stdout.failure()
  if (failure !== undefined) {
    stderr.say(`Not all of this could be written to standard output: ${reason(failure)}.`)
    if (process.exitCode === EXIT.ok && printsResult) process.exitCode = EXIT.failed
  }
  const timer = setTimeout(() => process.exit(), LAST_LINES_MS)
  await stderr.flushed()
  clearTimeout(timer)
}
