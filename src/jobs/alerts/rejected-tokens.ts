/**
 * That tokens are rejected long before they expire, again and again: another program uses the same credentials and each invalidates
 * the token of the other, or ScopeStack is about to refuse them. Runs still succeed, since each 401 is followed by another token.
 *
 * The generation of the token is the whole fleet's, so every process sees the same, and none needs to count for the others.
 */
import type { Alert } from '../../store/runs/alerts.ts'
import type { StoredToken } from '../../token-store.ts'

/** docs/alerts.md has these numbers in words. */
const WINDOW_MS = 30 * 60_000
const TOO_MANY = 3
/** The share of its life after which a token is renewed. */
const USED = 0.85
const SAMPLE_EVERY_MS = 15_000

type Seen = Pick<StoredToken, 'now' | 'generation' | 'issuedAt' | 'expiresAt'>

export interface TokenWatch {
  /** @returns null while it cannot say: at first it has seen too little for an end. */
  look(): Promise<Alert | null>
}

export function watchTokens(read: () => Promise<Seen>, elapsed = (): number => performance.now()): TokenWatch {
  let samples: { readonly at: number; readonly generation: number }[] = []
  let finding: Alert | null = null
  let begun: number | undefined
  return {
    async look() {
      const at = elapsed()
      if (at - (samples.at(-1)?.at ?? -Infinity) < SAMPLE_EVERY_MS) return finding
      const { generation, issuedAt, expiresAt } = await read()
      begun ??= at
      // A store that lost its data begins anew.
      if (generation < (samples.at(-1)?.generation ?? 0)) samples = []
      samples = [...samples.filter((one) => one.at > at - WINDOW_MS), { at, generation }]
      const tokens = generation - samples[0]!.generation
      const life = expiresAt - issuedAt
      const ordinary = life > 0 ? Math.ceil(WINDOW_MS / (life * USED)) : 1
      finding = describe(tokens, ordinary, at - begun >= WINDOW_MS)
      return finding
    },
  }
}

function describe(tokens: number, ordinary: number, hasSeenAll: boolean): Alert | null {
  const subject = 'credentials'
  if (tokens >= ordinary + TOO_MANY) {
    const text = `scopestack-sync: ScopeStack rejects tokens long before they expire: ${tokens} were needed in ${WINDOW_MS / 60_000} minutes, where ${ordinary} would do. Runs still succeed. Look whether another program uses the same client id, and in ScopeStack whether the service user is to be switched off.`
    return {
      subject,
      kind: 'failure',
      fingerprint: 'rejected',
      body: { text, event: 'credentials', kind: 'credentials', tokens },
    }
  }
  if (!hasSeenAll || tokens > ordinary) return null
  const text = 'scopestack-sync: ScopeStack takes tokens until they expire again.'
  return { subject, kind: 'recovery', fingerprint: 'taken', body: { text, event: 'recovery', kind: 'credentials' } }
}
