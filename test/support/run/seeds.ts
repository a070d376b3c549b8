/**
 * Random stories, each told by its seed. `npm test` tells as many as a few seconds take, and prints their seeds; `npm run faults`
 * (FAULTS=long) tells a given number; SEED=… tells one again. A failure names its seed.
 */

export const LONG = process.env['FAULTS'] === 'long'

/** Of `npm test`, in CPU time of this process, so that a busy machine tells no fewer stories: up to twice as long on an idle one. */
const CPU_SECONDS = 3

interface Options {
  readonly first: number
  /** How many the long form tells. */
  readonly long: number
}

export const anySeed = (): number => Math.floor(Math.random() * 1e9)

/** @returns how many were told. */
export async function tellStories(
  tell: (seed: number) => Promise<unknown>,
  { first: start, long }: Options,
): Promise<number> {
  const alone = process.env['SEED']
  const first = Number(alone ?? start)
  const before = process.cpuUsage()
  const isOver = (): boolean => {
    const { user, system } = process.cpuUsage(before)
    return user + system > CPU_SECONDS * 1e6
  }
  const isEnough = (told: number): boolean => {
    if (alone !== undefined) return told === 1
    return LONG ? told === long : told > 0 && isOver()
  }
  let told = 0
  while (!isEnough(told)) {
    const seed = first + told
    await tell(seed).catch((error: unknown) => {
      throw new Error(`SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    })
    told++
  }
  process.stdout.write(`Seeds ${first} to ${first + told - 1}\n`)
  return told
}
