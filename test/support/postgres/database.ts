/** Databases for tests: cloned from a migrated template, lent, emptied and lent again. */
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { inject } from 'vitest'
import type { Database } from '../../../src/store/connection/database.ts'
import { atExit } from '../run/at-exit.ts'
import { emptyDatabase } from './emptied.ts'
import { beginLoan, endLoan, resetStatements, storePool } from './kept-pools.ts'

export type TestDatabase = AsyncDisposable & { url: string }

/**
 * A migrated database of its own. For `await using`, in a test or per file. Another test may have used it before it was emptied; a
 * test that measures pages, or leaves processes behind, takes `createNewDatabase`.
 */
export async function createDatabase(): Promise<TestDatabase> {
  const name = mine.pop() ?? (await takeFree()) ?? (await clone())
  const url = urlOf(name)
  unused.add(url)
  beginLoan(url)
  return {
    url,
    async [Symbol.asyncDispose]() {
      unused.delete(url)
      await giveBack(name)
    },
  }
}

/**
 * Whether a worker may do without the checks of a start, a tenth of what a test costs: once for each loan, so that those that come
 * later make them. A test that changes a table before its first worker takes `createNewDatabase`.
 */
export const takeAsMigrated = (url: string): boolean => unused.delete(url)

/** A migrated database that nothing has used, cloned from the run's template. */
export const createNewDatabase = async (): Promise<TestDatabase> => dropped(await clone())

/** An empty database. */
export const createEmptyDatabase = async (): Promise<TestDatabase> => dropped(await create('template0'))

// --- internal ---

/** Lent, and not yet taken by a worker. */
const unused = new Set<string>()

/** Emptied, each with a pool of this process. */
const mine: string[] = []
/** Enough for the tests of a file; others are for all processes. */
const MOST_OF_MINE = 4

/** Names of emptied databases are files there: a rename has one winner, whichever processes try. */
const shelf = (): string => inject('freeDatabases')

async function takeFree(): Promise<string | undefined> {
  for (const name of await readdir(shelf())) {
    const isOurs = await rename(join(shelf(), name), join(inject('runFolder'), `${name}.taken`)).then(
      () => true,
      () => false,
    )
    if (isOurs) return name
  }
  return undefined
}

async function giveBack(name: string): Promise<void> {
  const pool = endLoan(urlOf(name))
  const isEmpty = await (pool === undefined ? emptyByNewSession(name) : emptyByPool(name, pool))
  if (!isEmpty) {
    await pool?.end({ timeout: 0 })
    await drop(name)
  } else if (pool !== undefined && mine.length < MOST_OF_MINE) {
    if (mine.length === 0) leaveMineToOthers()
    storePool(urlOf(name), pool)
    mine.push(name)
  } else {
    await pool?.end({ timeout: 1 })
    await writeFile(join(shelf(), name), '')
  }
}

async function emptyByNewSession(name: string): Promise<boolean> {
  const sql = postgres(urlOf(name), {
    max: 1,
    connect_timeout: 20,
    fetch_types: false,
    onnotice: () => {},
    // Before what a test has set for the whole database.
    connection: { statement_timeout: 0, lock_timeout: 20_000, default_transaction_read_only: false },
  })
  const isEmpty = await emptyDatabase(sql, inject('databaseBaseline')).catch(() => false)
  await sql.end({ timeout: 1 })
  return isEmpty
}

/**
 * False also where a test has closed the pool, left all of it busy, or had its sessions killed: `reserve` may then wait for ever.
 * A second costs less than waiting longer: the database is dropped and another one made.
 */
async function emptyByPool(name: string, pool: Database): Promise<boolean> {
  const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1_000).unref())
  try {
    const session = await Promise.race([pool.reserve(), late])
    if (session === undefined) return false
    // Its temporary tables are in the catalogs, and its counters are with the server only once it is idle.
    await session.unsafe(`reset session authorization; discard temp; set statement_timeout = 0; set lock_timeout = '20s';
      select pg_stat_force_next_flush()`)
    const isEmpty = await emptyDatabase(session, inject('databaseBaseline'))
    for (const statement of resetStatements(urlOf(name))) await session.unsafe(statement)
    session.release()
    return isEmpty
  } catch {
    return false
  }
}

let isLeft = false
function leaveMineToOthers(): void {
  if (isLeft) return
  isLeft = true
  const folder = shelf()
  atExit(() => {
    for (const name of mine) writeFileSync(join(folder, name), '')
  })
}

const clone = (): Promise<string> => create(inject('databasePrefix'))

async function create(template: string): Promise<string> {
  const name = `${inject('databasePrefix')}_${randomUUID().slice(0, 8)}`
  await asAdmin(`create database ${name} template ${template} strategy ${inject('copyStrategy')}`)
  return name
}

const dropped = (name: string): TestDatabase => ({ url: urlOf(name), [Symbol.asyncDispose]: () => drop(name) })

// Forced: a test that kills processes leaves their connections behind.
const drop = (name: string): Promise<void> => asAdmin(`drop database if exists ${name} with (force)`)

function urlOf(name: string): string {
  const url = new URL(inject('adminUrl'))
  url.pathname = name
  return url.href
}

async function asAdmin(statement: string): Promise<void> {
  const sql = postgres(inject('adminUrl'), { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end()
  }
}
