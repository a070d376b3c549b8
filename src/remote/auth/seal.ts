/** Encrypts tokens at rest: AES-256-GCM with a key derived from the client secret, so a stolen database is not a login. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

export interface Seal {
  /** Identifies the credentials without revealing them; another secret has another key and another stored row. */
  readonly keyId: string
  seal(text: string): string
  /** Null when it was sealed with another key, or altered. */
  unseal(sealed: string): string | null
}

export function createSeal(credentials: Credentials): Seal {
  const { authUrl, clientId, clientSecret, grant = 'client_credentials', username = '', password = '' } = credentials
  // Another user, or another grant, has another token.
  const user = grant === 'client_credentials' ? [] : grant === 'password' ? [grant, username] : [grant]
  const salt = [authUrl, clientId, ...user].join('\n')
  const secret = grant === 'password' ? `${clientSecret}\n${password}` : clientSecret
  const key = derive(secret, salt, 'token encryption')
  const keyId = createHash('sha256')
    .update(derive(secret, salt, 'token row'))
    .digest('hex')
    .slice(0, 32)
  return {
    keyId,
    seal(text) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(keyId))
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
    },
    unseal(sealed) {
      const bytes = Buffer.from(sealed, 'base64')
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
          .setAAD(Buffer.from(keyId))
          .setAuthTag(bytes.subarray(12, 28))
        return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
      } catch {
        return null
      }
    },
  }
}

export interface Credentials {
  readonly authUrl: string
  readonly clientId: string
  readonly clientSecret: string
  /** `client_credentials` when left out. */
  readonly grant?: Grant
  readonly username?: string | undefined
  readonly password?: string | undefined
}

export type Grant = 'client_credentials' | 'password' | 'authorization_code'

const derive = (secret: string, salt: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, salt, `scopestack-sync ${purpose} v1`, 32))
