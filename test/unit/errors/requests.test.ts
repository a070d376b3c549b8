import { expect, test } from 'vitest'
import { remoteUnreachable } from '../../../src/errors/requests.ts'

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
