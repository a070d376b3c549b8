/** Inserts rows by COPY, the fastest way. */
import { finished } from 'node:stream/promises'
import type { Transaction } from '../connection/database.ts'
import type { Row } from './row.ts'

/**
 * @throws the driver's error with code 25P02 when a row is rejected: the driver drops the error of a COPY and leaves its
 *   stream open for ever, so the failure shows in the statement after it.
 */
export async function copyRows(tx: Transaction, statement: string, fresh: readonly Row[]): Promise<void> {
  const stream = await tx.unsafe(statement).writable()
  const ended = finished(stream)
  const lines = fresh.map((row) => `${row.line}\t${row.hash}\n`).join('')
  await Promise.race([ended, new Promise((resolve) => stream.write(lines, resolve))])
  stream.end()
  await Promise.race([ended, tx`select`.then(() => ended)])
}
