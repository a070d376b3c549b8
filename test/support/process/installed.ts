/**
 * Tests that need a program which may be missing: `testWith` and `describeWith` leave them out and say so, since a skipped test
 * counts as failed.
 */
import { describe, test, type TestContext } from 'vitest'

type Test = (name: string, run: (context: TestContext) => Promise<void> | void, timeout?: number) => void

/** `test` if its requirement is installed; else it is left out, since a skipped one counts as failed. */
export const testWith = (needed: unknown): Test => (needed === undefined || needed === false ? () => {} : test)

/** `describe`, likewise. One test in its place reports what is left out, since a file without any test fails. */
export const describeWith = (needed: unknown, why: string): ((name: string, tests: () => void) => void) =>
  needed === undefined ? (name) => test(`${name}: left out, since ${why}`, () => leftOut(why)) : describe

/** A package that is missing if the installation is older than the lock file. */
export async function installed<T>(name: string): Promise<T | undefined> {
  try {
    return (await import(name)) as T
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    return leftOut(`${name} is not installed: run npm ci`)
  }
}

/** Prints which part of the tests does not run here, and why. */
export function leftOut(why: string): undefined {
  console.warn(`Left out: ${why}.`)
}
