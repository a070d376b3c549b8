/** What a command is: its words for `--help`, and its code, which is loaded when it runs: all of it costs a second of CPU. */
import { usage } from '../errors/commands.ts'

export interface Verb {
  readonly name: string
  /** One line, for the list of commands. */
  readonly summary: string
  /** What a person should know before running it, and examples. */
  readonly help: string
  /** `[resource...]` */
  readonly args?: string
  readonly options: readonly Option[]
  /** The output is the result: a command whose output is lost has failed. */
  readonly printsResult?: true
  load(): Promise<{ readonly run: Run }>
}

/** Resolves to the exit code. */
export type Run = (call: Call) => Promise<number>

export interface Option {
  /** `--projects <number>` */
  readonly flags: string
  readonly about: string
}

export interface Call {
  readonly args: readonly string[]
  /** By long name in camel case: a string, or true for a flag, or false for a `--no-…` one that was given. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  /** Fires on SIGINT and SIGTERM. */
  readonly signal: AbortSignal
}

/** @throws SyncError SYNC_USAGE when the option is not a whole number from `minimum` up. */
export function wholeNumber(options: Call['options'], name: string, minimum = 0): number | undefined {
  const value = options[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string' || !/^\d{1,9}$/.test(value) || Number(value) < minimum) {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    throw usage(`--${flag} takes a whole number from ${minimum} up, not "${String(value)}".`)
  }
  return Number(value)
}
