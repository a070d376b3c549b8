import { it } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { openDatabase } from '../../src/store/database.ts'
import { openLeases } from '../../src/store/leases.ts'
process.on('uncaughtException', (e) => console.log('UNCAUGHT', e))
it('x', async () => {
  await using db = await createDatabase()
  const admin = openDatabase(db.url, { connections: 1 })
  const sql = openDatabase(db.url)
  const kill = () => admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
  // 1 in tx between statements
  await sql.begin(async (tx) => { await tx`select 1`; await kill(); await new Promise((r) => setTimeout(r, 50)); await tx`select 2` }).catch((e) => console.log('1', e.code, e.message))
  await new Promise((r) => setTimeout(r, 200))
  // 2 during a statement
  await sql.begin(async (tx) => { await tx`select 1`; const p = tx`select pg_sleep(1)`; p.catch(() => {}); await new Promise((r) => setTimeout(r, 50)); await kill();  await p }).catch((e) => console.log('2', e.code, e.message))
  await new Promise((r) => setTimeout(r, 200))
  // 3 during COPY
  await sql.begin(async (tx) => { const s = await tx`copy sync.cursors (resource) from stdin`.writable(); s.on('error', (e: any) => console.log('3 stream', e.code)); s.write('a\n'); await kill(); await new Promise((r) => setTimeout(r, 50)); s.end('b\n'); const { finished } = await import('node:stream/promises'); await finished(s) }).catch((e) => console.log('3', e.code, e.message))
  await new Promise((r) => setTimeout(r, 200))
  // 4 presence
  const leases = await openLeases(sql, 'me')
  await kill(); await new Promise((r) => setTimeout(r, 50))
  await leases.acquire('projects').then((l) => console.log('4 ok', l), (e) => console.log('4', e.code, e.message))
  console.log('5', await sql`select 1`)
  // 6 copy data error
  await sql.begin(async (tx) => { const s = await tx`copy sync.cursors (resource, next_page) from stdin`.writable(); s.end('a\tx\n'); const { finished } = await import('node:stream/promises'); await finished(s) }).catch((e) => console.log('6', e.code, e.message))
  console.log('7', (await sql`select count(*) from pg_available_extensions where name in ('pg_walinspect')`)[0], (await sql`select version()`)[0])
  const t = Buffer.from(Array.from({length: 3000}, (_, i) => 33 + (i * 7919 + i * i * 31) % 90)).toString()
  await sql`insert into sync.cursors (resource) values (${t})`.catch((e) => console.log('8', e.code, e.message.slice(0, 80)))
  let deep: unknown = 'x'; for (let i = 0; i < 50000; i++) deep = [deep]
  try { console.log('9', JSON.stringify(deep).length) } catch (e) { console.log('9', String(e)) }
  let deep2: unknown = 'x'; for (let i = 0; i < 3000; i++) deep2 = { a: deep2 }
  await sql`select ${JSON.stringify(deep2)}::text::jsonb is null as x`.then((r) => console.log('10', r[0]), (e) => console.log('10', e.code, e.message.slice(0, 80)))
  await sql.end({ timeout: 1 }); await admin.end()
})
