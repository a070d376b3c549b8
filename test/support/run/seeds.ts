/**
 * Random stories, each made from its seed. `npm test` tries as many as a second or two take, and prints their seeds; `npm run faults`
 * (FAULTS=long) tries a given number; SEED=… tries one again. A failure names its seed.
 */

export const LONG = process.env['FAULTS'] === 'long'
/** One story alone: what is expected of the share of many says nothing of it. */
export const ALONE = process.env['SEED'] !== undefined

/** Of `npm test`, in CPU time of this process, so that a busy machine tries no fewer stories: up to twice as long on an idle one. */
const CPU_SECONDS = 1.5

const SHOWN_EACH = 100

interface Options {
  readonly first: number
  /** How many the long form tries. */
  readonly long: number
  /** How many the short form tries at least, however long they take. */
  readonly least?: number
}

export const anySeed = (): number => Math.floor(Math.random() * 1e9)

/** @returns how many were tried. */
export async function trySeeds(
  act: (seed: number) => Promise<unknown>,
  { first: start, long, least = 1 }: Options,
): Promise<number> {
  const first = Number(process.env['SEED'] ?? start)
  const before = process.cpuUsage()
  const isOver = (): boolean => {
    const { user, system } = process.cpuUsage(before)
    return user + system > CPU_SECONDS * 1e6
  }
  const isEnough = (tried: number): boolean => {
    if (ALONE) return tried === 1
    return LONG ? tried === long : tried >= least && isOver()
  }
  let tried = 0
  while (!isEnough(tried)) {
    const seed = first + tried
    await act(seed).catch((error: unknown) => {
      throw new Error(`SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    })
    tried++
    // Of the long form, which takes an hour on a busy machine.
    if (tried % SHOWN_EACH === 0) process.stdout.write(`Seeds ${first} to ${seed} passed\n`)
  }
  process.stdout.write(`Seeds ${first} to ${first + tried - 1}\n`)
  return tried
}
