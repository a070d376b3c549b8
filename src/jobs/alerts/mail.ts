/** Alerts by e-mail. nodemailer is loaded at the first one. */
import { reason } from '../../errors/sync-error.ts'
import { withinLimit } from '../../within-limit.ts'
import { ANSWER_MS, type Channel } from './deliver.ts'

/** Of all steps together, each of which may take ANSWER_MS: less than the minute for which the alert is claimed, and than SYNC_GRACE. */
const WHOLE_MS = 25_000

export interface MailSettings {
  readonly host: string
  readonly port: number
  /** TLS from the first byte. */
  readonly secure: boolean
  readonly auth: { readonly user: string; readonly pass: string } | undefined
  readonly isLocal: boolean
  readonly to: readonly string[]
  readonly from: string
}

export const mailChannel = ({ host, port, secure, auth, isLocal, to, from }: MailSettings): Channel => ({
  name: 'email',
  async send({ id, body }) {
    const { createTransport } = await import('nodemailer')
    // One connection an alert: there are few of them.
    const transport = createTransport({
      host,
      port,
      secure,
      // Otherwise what stands between could leave TLS out and read the password.
      requireTLS: !secure && !isLocal,
      // One on this machine often has a certificate that no one trusts.
      ignoreTLS: !secure && isLocal,
      ...(auth === undefined ? {} : { auth }),
      connectionTimeout: ANSWER_MS,
      greetingTimeout: ANSWER_MS,
      socketTimeout: ANSWER_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    })
    const text = String(body['text'])
    const [subject = ''] = text.split('\n', 1)
    try {
      const sent = transport.sendMail({ from, to: [...to], subject, text, messageId: `<${id}@scopestack-sync>` })
      return await withinLimit(
        sent.then(() => null),
        WHOLE_MS,
        () => `not taken within ${WHOLE_MS / 1000} s`,
      )
    } catch (error) {
      const found = reason(error)
      // OpenSSL's words, such as "self-signed certificate", do not say whose.
      const why = /certificate/i.test(found) ? `the mail server's certificate is not accepted: ${found}` : found
      // A server may quote what it refuses.
      return auth === undefined || auth.pass === '' ? why : why.replaceAll(auth.pass, '[secret]')
    } finally {
      transport.close()
    }
  },
})
