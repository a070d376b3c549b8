import { expect, test } from 'vitest'
import { findRedisProblem, readInfo } from '../../../src/store/redis/redis-check.ts'

test.each([
  ['6.0.16', 'noeviction', /version 6\.0\.16.*6\.2 is needed/],
  ['5.0.7', 'noeviction', /5\.0\.7/],
  ['7.0.15', 'volatile-lru', /maxmemory-policy is volatile-lru/],
])('Redis %s with %s is refused', (version, policy, problem) => {
  expect(findRedisProblem({ version, policy, role: 'master' })?.problem).toMatch(problem)
})

test.each([
  ['6.2.0', 'noeviction'],
  ['10.0.0', 'noeviction'],
  ['7.2.4', ''],
])('Redis %s with "%s" is good', (version, policy) => {
  expect(findRedisProblem({ version, policy, role: 'master' })).toBeNull()
})

test('a replica is refused for now', () => {
  const problem = findRedisProblem({ version: '7.2.4', policy: 'noeviction', role: 'slave' })
  expect(problem).toMatchObject({ passing: true, problem: expect.stringContaining('replica') as string })
})

test('all are read from INFO', () => {
  const info =
    '# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n# Replication\r\nrole:master\r\n'
  expect(readInfo(info)).toEqual({ version: '7.0.15', policy: 'noeviction', role: 'master' })
})
