/** Authorization codes: used once, within ten minutes, by the client that holds the PKCE verifier. */
import { createHash, randomBytes } from 'node:crypto'

interface Code {
  readonly redirect: string
  readonly scope: string
  readonly challenge: string | null
  readonly method: string
  readonly expires: number
}

export interface Codes {
  issue(grant: Omit<Code, 'expires'>): string
  redeem(code: string, redirect: string, verifier: string | null): { readonly scope: string } | null
}

export function createCodes(deps: { now: () => number }): Codes {
  const codes = new Map<string, Code>()
  return {
    issue(grant) {
      const code = randomBytes(32).toString('base64url')
      codes.set(code, { ...grant, expires: deps.now() + 600_000 })
      return code
    },
    redeem(code, redirect, verifier) {
      const issued = codes.get(code)
      codes.delete(code)
      if (issued === undefined || issued.redirect !== redirect || deps.now() > issued.expires) return null
      if (issued.challenge !== null && challengeOf(issued.method, verifier) !== issued.challenge) return null
      return { scope: issued.scope }
    },
  }
}

function challengeOf(method: string, verifier: string | null): string | null {
  if (verifier === null) return null
  return method === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier
}
