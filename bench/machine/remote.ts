/** A simulated account in a process of its own, which holds all of it in memory, and what it counted. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface AccountOptions {
  readonly projects?: number
  /** Records of a list that includes nothing. */
  readonly plain?: number
  /** Further clients, which can be edited. */
  readonly clients?: number
}

export interface Counts {
  readonly requests: number
  readonly bytes: number
  readonly statuses: Readonly<Record<string, number>>
  readonly byRoute: Readonly<Record<string, number>>
}

export interface Remote {
  readonly url: string
  readonly pid: number
  control(method: string, path: string, body?: unknown): Promise<unknown>
  resetCounts(): Promise<void>
  counts(): Promise<Counts>
  close(): Promise<void>
}

/** Records of a generated project, without catalogs. */
const RECORDS_A_PROJECT = 35.8

export const projectsFor = (records: number): number => Math.max(1, Math.round(records / RECORDS_A_PROJECT))

export async function startRemote(options: AccountOptions): Promise<Remote> {
  // A million records take 5 GB.
  const child = fork(join(import.meta.dirname, 'simulate.ts'), [JSON.stringify(options)], {
    execArgv: ['--max-old-space-size=12000'],
  })
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('The simulator did not start.')))
  const [{ url }] = (await Promise.race([once(child, 'message'), failed])) as [{ url: string }]
  failed.catch(() => {})
  const control: Remote['control'] = async (method, path, body) => {
    const response = await fetch(`${url}/_control/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response.status === 204 ? undefined : await response.json()
  }
  return {
    url,
    pid: child.pid!,
    control,
    resetCounts: async () => void (await control('DELETE', 'stats')),
    async counts() {
      const { requests, statuses, bytesSent } = (await control('GET', 'stats')) as {
        requests: Record<string, number>
        statuses: Record<string, number>
        bytesSent: number
      }
      const byRoute = Object.fromEntries(Object.entries(requests).filter(([route]) => !route.includes('_control')))
      const sum = Object.values(byRoute).reduce((all, count) => all + count, 0)
      return { requests: sum, bytes: bytesSent, statuses, byRoute }
    },
    async close() {
      child.disconnect()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}
