/** Negotiates TLS: an SSLRequest in plain text, to which the server responds with one byte, yes or no. */
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { tlsOptions, type Tls } from './address.ts'

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
const YES = 0x53
/** Instead of yes or no: the server could not start a backend for the connection. */
const ERROR = 0x45

interface Handlers {
  /** Gets the stream to use. */
  readonly adopt: (stream: Socket) => void
  readonly lose: (error?: unknown) => void
}

export function requestTls(plain: Socket, host: string, tls: Tls, { adopt, lose }: Handlers): void {
  plain.once('error', lose)
  plain.once('close', lose)
  plain.once('data', (response: Buffer) => {
    plain.removeListener('error', lose)
    plain.removeListener('close', lose)
    if (response[0] === YES) return adopt(connectTls({ socket: plain, ...tlsOptions(host, tls) }))
    adopt(plain)
    if (response[0] === ERROR) return void plain.destroy()
    if (tls.mode === 'prefer') return
    const why = 'the server does not offer TLS, which sslmode in DATABASE_URL asks for'
    plain.destroy(Object.assign(new Error(why), { code: 'ERR_TLS_NOT_OFFERED' }))
  })
  plain.write(SSL_REQUEST)
}
