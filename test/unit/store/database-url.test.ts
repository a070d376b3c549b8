import { userInfo } from 'node:os'
import { describe, expect, it } from 'vitest'
import { checkDatabaseUrl, parseDatabaseUrl } from '../../../src/config/database-url.ts'

describe('DATABASE_URL', () => {
  it.each([
    ['postgres://u:p@db.example:6432/books', { hosts: [{ host: 'db.example', port: 6432 }], user: 'u', password: 'p' }],
    ['postgresql://u@db.example/books', { hosts: [{ host: 'db.example', port: 5432 }], user: 'u', password: '' }],
    ['postgres:///books', { hosts: [{ host: 'localhost', port: 5432 }], user: userInfo().username }],
    ['postgres://u:a%23b%3Fc%25d%2Fe%40f+g:h@h/books', { user: 'u', password: 'a#b?c%d/e@f+g:h' }],
    ['postgres://u:p@ss@h/books', { hosts: [{ host: 'h', port: 5432 }], password: 'p@ss' }],
    ['postgres://u:p@[::1]:6432/books', { hosts: [{ host: '::1', port: 6432 }] }],
    ['postgres://u:p@[2001:db8::7]/books', { hosts: [{ host: '2001:db8::7', port: 5432 }] }],
    [
      'postgres://u@%2Fvar%2Frun%2Fpostgresql/books',
      { hosts: [{ host: '/var/run/postgresql', port: 5432 }], user: 'u' },
    ],
    ['postgres://u@%2Fvar%2Frun%2Fpostgresql:6432/books', { hosts: [{ host: '/var/run/postgresql', port: 6432 }] }],
    ['postgres:///books?host=/var/run/postgresql', { hosts: [{ host: '/var/run/postgresql', port: 5432 }] }],
    ['postgres://u@/books?host=/run&port=6432', { hosts: [{ host: '/run', port: 6432 }], user: 'u' }],
    ['postgres://h?dbname=books&user=u&password=p', { hosts: [{ host: 'h', port: 5432 }], user: 'u', password: 'p' }],
  ])('is read as libpq reads it: %s', (url, parts) => {
    expect(parseDatabaseUrl(url)).toMatchObject({ database: 'books', ...parts })
    expect(checkDatabaseUrl(url)).toBeNull()
  })

  it.each([
    ['postgres://h1:1,h2:2/books', [1, 2], true],
    ['postgres://h1,h2/books', [5432, 5432], true],
    ['postgres://[::1]:6432,h2/books', [6432, 5432], true],
    ['postgres://u@/books?host=h1,/run&port=1,2', [1, 2], true],
    ['postgres://u@/books?host=h1,h2&port=6432', [6432, 6432], true],
    ['postgres://h1,h2/books?target_session_attrs=any', [5432, 5432], false],
    ['postgres://h1/books?target_session_attrs=read-write', [5432], true],
    ['postgres://h1/books?target_session_attrs=primary', [5432], true],
    ['postgres://h1/books', [5432], false],
  ])('says which hosts are tried, and whether one must be written to: %s', (url, ports, writable) => {
    const read = parseDatabaseUrl(url)
    if (typeof read === 'string') throw new Error(read)
    expect(read.hosts.map(({ port }) => port)).toEqual(ports)
    expect(read.writable).toBe(writable)
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
    ['more ports than hosts', 'postgres://u:hush@/books?host=h1,h2&port=1,2,3', /more ports than hosts, or fewer/],
    ['fewer ports than hosts', 'postgres://u:hush@/books?host=h1,h2,h3&port=1,2', /more ports than hosts, or fewer/],
    ['a bad port among several', 'postgres://u:hush@h1:1,h2:x/books', /must look like/],
    ['a standby', 'postgres://h/books?target_session_attrs=standby', /target_session_attrs other than.*writes/],
    [
      'a reader',
      'postgres://h/books?target_session_attrs=read-only',
      /target_session_attrs other than any, read-write/,
    ],
    ['a preference', 'postgres://h/books?target_session_attrs=prefer-standby', /target_session_attrs other than/],
    ['half a certificate', 'postgres://h/books?sslcert=hush', /one of sslcert and sslkey/],
    ['an unknown sslmode', 'postgres://h/books?sslmode=hush', /a value of sslmode that is unknown/],
    ['an unknown channel_binding', 'postgres://h/books?channel_binding=hush', /a value of channel_binding that/],
    ['what only GSSAPI has', 'postgres://h/books?gssencmode=require', /a value of gssencmode that is unknown/],
    ['a password file', 'postgres://h/books?passfile=hush', /has passfile, which this program cannot obey/],
    ['no database', 'postgres://u:hush@h/', /names no database/],
    ['no such port', 'postgres://u:hush@h:99999/books', /must look like/],
    ['no port at all', 'postgres://u:hush@h:x/books', /must look like/],
    ['half a bracket', 'postgres://u:hush@[::1/books', /must look like/],
    ['another scheme', 'mysql://u:hush@h/books', /^must look like/],
    ['no URL', 'hush', /^must look like/],
    ['words that it cannot obey', 'postgres://h/books?hostaddr=hush&service=hush', /has hostaddr and service/],
    ['no seconds', 'postgres://h/books?connect_timeout=hush', /connect_timeout that is not in whole seconds/],
  ])('is refused with a sentence that shows nothing of it: %s', (_, url, sentence) => {
    expect(checkDatabaseUrl(url)).toMatch(sentence)
    expect(checkDatabaseUrl(url)).not.toContain('hush')
  })
})
