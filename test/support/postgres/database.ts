import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { inject } from 'vitest'

export type TestDatabase = AsyncDisposable & { url: string }

/** A migrated database of its own, cloned from the run's template. For `await using`, in a test or per file. */
export function createDatabase(): Promise<TestDatabase> {
  return create(`template ${inject('databasePrefix')}`)
}

/** An empty database. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return create('template template0')
}

// --- internal ---

async function create(template: string): Promise<TestDatabase> {
  const name = `${inject('databasePrefix')}_${randomUUID().slice(0, 8)}`
  await asAdmin(`create database ${name} ${template}`)
  const url = new URL(inject('adminUrl'))
  url.pathname = name
  return {
    url: url.href,
    // Forced: a test that kills processes leaves their connections behind.
    [Symbol.asyncDispose]: () => asAdmin(`drop database if exists ${name} with (force)`),
  }
}

async function asAdmin(statement: string): Promise<void> {
  const sql = postgres(inject('adminUrl'), { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end()
  }
}
