/** A mail server that keeps what it receives: smtp-server, which is not ours. */
import { once } from 'node:events'
import { SMTPServer } from 'smtp-server'
import { FOR_LOCALHOST } from './certificate.ts'

export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  readonly headers: string
  readonly text: string
}

export interface MailServer extends AsyncDisposable {
  readonly port: number
  readonly received: Mail[]
  /** User and password of every login, accepted or not. */
  readonly logins: string[]
  /** Refuses mails from now on. */
  refuses: boolean
}

const PASSWORD = 'the mail password'

/** @param starttls offers it, by a certificate that no client trusts by itself. */
export async function startMailServer({ starttls = false } = {}): Promise<MailServer & { readonly url: string }> {
  const state = { received: [] as Mail[], logins: [] as string[], refuses: false }
  const server = new SMTPServer({
    ...FOR_LOCALHOST,
    disabledCommands: starttls ? [] : ['STARTTLS'],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    onAuth({ username, password }, _session, done) {
      state.logins.push(`${username} ${password}`)
      if (password === PASSWORD) done(null, { user: username })
      else done(new Error(`Not with ${password}`))
    },
    onData(stream, { envelope }, done) {
      let data = ''
      stream.on('data', (chunk: Buffer) => (data += chunk.toString()))
      stream.on('end', () => {
        if (state.refuses) return done(new Error('No space left'))
        const [headers = '', text = ''] = data.split('\r\n\r\n', 2)
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
        state.received.push({ from, to: envelope.rcptTo.map(({ address }) => address), headers, text })
        done()
      })
    },
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as { port: number }
  return Object.assign(state, {
    port,
    url: `smtp://sender:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(resolve)),
  })
}
