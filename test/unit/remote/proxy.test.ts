import { expect, test } from 'vitest'
import { leavesByProxy } from '../../../src/remote/http/proxy.ts'

const leaves = (url: string, ...except: string[]) => leavesByProxy(new URL(url), except)

test('every request leaves by the proxy, but those to this machine', () => {
  expect(leaves('https://api.scopestack.io/v1/me')).toBe(true)
  for (const own of [
    'http://localhost:4010',
    'http://127.0.0.1:4010',
    'http://127.9.9.9',
    'http://[::1]:4010',
    'http://a.localhost',
  ]) {
    expect(leaves(own), own).toBe(false)
  }
})

test.each([
  ['scopestack.io', false],
  ['.scopestack.io', false],
  ['*.scopestack.io', false],
  ['API.ScopeStack.IO', false],
  ['api.scopestack.io:443', false],
  ['api.scopestack.io:8443', true],
  ['*', false],
  ['stack.io', true],
  ['other.io', true],
  ['10.0.0.0/8', true],
])('NO_PROXY=%s', (entry, expected) => {
  expect(leaves('https://api.scopestack.io/v1/me', entry)).toBe(expected)
  expect(leaves('https://api.scopestack.io/v1/me', 'first.example', entry)).toBe(expected)
})
