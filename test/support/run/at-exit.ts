/**
 * What must end with this process. All of it is one listener of the process: with one for each of the children that run at a time,
 * Node warns of a leak.
 */
const acts = new Set<() => void>()

const actAll = (): void => {
  for (const act of acts) act()
}

/** @returns what takes it back, once there is nothing left to end. */
export function atExit(act: () => void): () => void {
  if (acts.size === 0) process.once('exit', actAll)
  acts.add(act)
  return () => {
    acts.delete(act)
    if (acts.size === 0) process.removeListener('exit', actAll)
  }
}
