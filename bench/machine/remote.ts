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
  /** With a look-alike of Stripe, which holds the plain records. */
  readonly stripe?: boolean
  /** Reports when a write arrives. */
  readonly reportsWrites?: boolean
}

export interface Counts {
  readonly requests: number
  readonly bytes: number
  readonly statuses: Readonly<Record<string, number>>
  readonly byRoute: Readonly<Record<string, number>>
}

export interface Change {
  readonly types: readonly string[]
  /** Each n-th record. */
  readonly every: number
  readonly round: number
}

export type ToRemote = { readonly change: Change } | { readonly counts: 'reset' | 'read' }
export type FromRemote =
  | { readonly url: string; readonly stripeUrl: string | null }
  | { readonly changed: number }
  | { readonly counted: Counts | null }
  | Written

interface Written {
  /** Path of a PATCH. */
  readonly written: string
  /** Milliseconds of the wall clock. */
  readonly at: number
}

export interface Switches {
  readonly latency?: number
  readonly etags?: 'right' | 'none'
}

export interface Remote {
  readonly url: string
  readonly stripeUrl: string | null
  readonly pid: number
  /** By its control API (`simulator --help`). */
  control(method: string, path: string, body?: unknown): Promise<unknown>
  switch(switches: Switches): Promise<void>
  /** How many records it changed. */
  change(change: Change): Promise<number>
  resetCounts(): Promise<void>
  counts(): Promise<Counts>
  onWrite(act: (written: Written) => void): void
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
  const waiting: ((message: FromRemote) => void)[] = []
  let onWrite: (written: Written) => void = () => {}
  child.on('message', (message: FromRemote) => {
    if ('written' in message) onWrite(message)
    else waiting.shift()?.(message)
  })
  const next = <T extends FromRemote>(): Promise<T> =>
    new Promise((resolve) => void waiting.push(resolve as (message: FromRemote) => void))
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('The simulator ended.')))
  failed.catch(() => {})
  const ask = async <T extends FromRemote>(message: ToRemote): Promise<T> => {
    child.send(message)
    return await Promise.race([next<T>(), failed])
  }
  const { url, stripeUrl } = await Promise.race([next<{ url: string; stripeUrl: string | null }>(), failed])
  const control = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const given =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const response = await fetch(`${url}/_control/${path}`, { method, ...given })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response.status === 204 ? undefined : await response.json().catch(() => undefined)
  }
  return {
    url,
    stripeUrl,
    pid: child.pid!,
    control,
    switch: async (switches) => void (await control('POST', 'switches', switches)),
    change: async (change) => (await ask<{ changed: number }>({ change })).changed,
    resetCounts: async () => void (await ask({ counts: 'reset' })),
    counts: async () => (await ask<{ counted: Counts }>({ counts: 'read' })).counted,
    onWrite: (act) => void (onWrite = act),
    async close() {
      child.disconnect()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}
