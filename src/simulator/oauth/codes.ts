import { createHash, randomBytes } from 'node:crypto'

interface Held {
  readonly redirect: string
  readonly scope: string
  readonly challenge: string | null
  readonly method: string
  readonly expires: number
}

/** Authorization codes: used once, within ten minutes, by whoever holds the PKCE verifier. */
export interface Codes {
  make(of: Omit<Held, 'expires'>): string
  spend(code: string, redirect: string, verifier: string | null): { readonly scope: string } | null
}

export function createCodes(deps: { now: () => number }): Codes {
  const codes = new Map<string, Held>()
  return {
    make(of) {
      const code = randomBytes(32).toString('base64url')
      codes.set(code, { ...of, expires: deps.now() + 600_000 })
      return code
    },
    spend(code, redirect, verifier) {
      const held = codes.get(code)
      codes.delete(code)
      if (held === undefined || held.redirect !== redirect || deps.now() > held.expires) return null
      if (held.challenge !== null && proof(held.method, verifier) !== held.challenge) return null
      return { scope: held.scope }
    },
  }
}

function proof(method: string, verifier: string | null): string | null {
  if (verifier === null) return null
  return method === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier
}
