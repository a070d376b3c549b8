import { describe, expect, it } from 'vitest'
import { checkDatabaseUrl, parseDatabaseUrl } from '../../src/database-url.ts'

describe('DATABASE_URL', () => {
  it.each([
    ['postgres://u:p@db.example:6432/books', { host: 'db.example', port: 6432, user: 'u', password: 'p' }],
    ['postgresql://u@db.example/books', { host: 'db.example', port: 5432, user: 'u', password: '' }],
    ['postgres:///books', { host: 'localhost', port: 5432, user: '' }],
    ['postgres://u:a%23b%3Fc%25d%2Fe%40f+g:h@h/books', { user: 'u', password: 'a#b?c%d/e@f+g:h' }],
    ['postgres://u:p@ss@h/books', { host: 'h', password: 'p@ss' }],
    ['postgres://u:p@[::1]:6432/books', { host: '::1', port: 6432 }],
    ['postgres://u:p@[2001:db8::7]/books', { host: '2001:db8::7', port: 5432 }],
    ['postgres://u@%2Fvar%2Frun%2Fpostgresql/books', { host: '/var/run/postgresql', port: 5432, user: 'u' }],
    ['postgres://u@%2Fvar%2Frun%2Fpostgresql:6432/books', { host: '/var/run/postgresql', port: 6432 }],
    ['postgres:///books?host=/var/run/postgresql', { host: '/var/run/postgresql', port: 5432 }],
    ['postgres://u@/books?host=/run&port=6432', { host: '/run', port: 6432, user: 'u' }],
    ['postgres://h?dbname=books&user=u&password=p', { host: 'h', user: 'u', password: 'p' }],
  ])('is read as libpq reads it: %s', (url, parts) => {
    expect(parseDatabaseUrl(url)).toMatchObject({ database: 'books', ...parts })
    expect(checkDatabaseUrl(url)).toBeNull()
  })

  it('keeps the rest of the query, decoded once', () => {
    const read = parseDatabaseUrl('postgres://h/books?sslmode=require&options=-c%20a%3Db&sslrootcert=/a/b+c.pem')
    expect(read).toMatchObject({
      options: new Map([
        ['sslmode', 'require'],
        ['options', '-c a=b'],
        ['sslrootcert', '/a/b+c.pem'],
      ]),
    })
  })

  it.each([
    ['#', 'postgres://u:hush#hush@h/books', /bare "#".*percent-encode.*# as %23/],
    ['?', 'postgres://u:hush?hush@h/books', /must look like.*percent-encode.*\? as %3F/],
    ['/', 'postgres://u:hush/hush@h/books', /must look like.*percent-encode.*\/ as %2F/],
    ['/ behind digits', 'postgres://u:12/hush@h/books', /must look like.*percent-encode/],
    ['@ and ?', 'postgres://u:hush@hush?x@h/books', /names no database/],
    ['a bad %', 'postgres://u:100%hush@h/books', /"%" that begins no code.*% as %25/],
    ['half a %', 'postgres://u:hush%2@h/books', /"%" that begins no code/],
    ['a bad % in the query', 'postgres://h/books?options=100%', /"%" that begins no code/],
    ['several hosts', 'postgres://u:hush@h1:1,h2:2/books?sslmode=require', /names several hosts.*primary/],
    ['several hosts in the query', 'postgres://u:hush@/books?host=h1,h2', /names several hosts/],
    ['no database', 'postgres://u:hush@h/', /names no database/],
    ['no such port', 'postgres://u:hush@h:99999/books', /must look like/],
    ['no port at all', 'postgres://u:hush@h:x/books', /must look like/],
    ['half a bracket', 'postgres://u:hush@[::1/books', /must look like/],
    ['another scheme', 'mysql://u:hush@h/books', /^must look like/],
    ['no URL', 'hush', /^must look like/],
    ['words that it cannot obey', 'postgres://h/books?hostaddr=hush&sslcert=hush', /has hostaddr and sslcert/],
    ['no seconds', 'postgres://h/books?connect_timeout=hush', /connect_timeout that is not in whole seconds/],
  ])('is refused with a sentence that shows nothing of it: %s', (_, url, sentence) => {
    expect(checkDatabaseUrl(url)).toMatch(sentence)
    expect(checkDatabaseUrl(url)).not.toContain('hush')
  })
})
