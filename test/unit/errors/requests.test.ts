import { expect, test } from 'vitest'
import { redirected, remoteTimeout, remoteUnreachable } from '../../../src/errors/requests.ts'

const sentenceFor = (cause: unknown): string => remoteUnreachable({ url: 'https://api.example/v1/me' }, cause).sentence

test('a certificate that is not trusted is named as the reason, however deep its error is', () => {
  for (const code of [
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ]) {
    const error = Object.assign(new Error('no'), { code })
    expect(sentenceFor(error)).toContain('NODE_EXTRA_CA_CERTS')
    expect(sentenceFor(new Error('fetch failed', { cause: error }))).toContain('the clock of this host')
  }
  expect(sentenceFor(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }))).toContain('Check the network')
})

test('a smaller page is the remedy for a page of several records alone', () => {
  const sentenceOf = (path: string, phase = 'waiting for the response'): string =>
    remoteTimeout({ url: `https://api.example${path}`, phase, seconds: 60 }, undefined).sentence
  expect(sentenceOf('/acme/v1/clients?page%5Bnumber%5D=2&page%5Bsize%5D=100')).toMatch(/lower SYNC_PAGE_SIZE\.$/)
  for (const path of ['/oauth/token', '/v1/me', '/acme/v1/clients/7', '/acme/v1/clients?page%5Bsize%5D=1']) {
    expect(sentenceOf(path)).toMatch(/\(waiting for the response\)\. If this stays, check the address,/)
    expect(sentenceOf(path)).not.toContain('SYNC_PAGE_SIZE')
  }
  expect(sentenceOf('/acme/v1/clients?page%5Bsize%5D=100', 'connecting')).toMatch(/\(connecting\)\. Check the network,/)
})

test('a redirect names the setting of the address that it came from', () => {
  const sentenceOf = (url: string): string => redirected({ url, status: 302, to: '/login' }).sentence
  expect(sentenceOf('https://app.example/oauth/token')).toContain('Check SCOPESTACK_AUTH_URL,')
  expect(sentenceOf('https://api.example/v1/me')).toContain('Check SCOPESTACK_API_URL,')
})
