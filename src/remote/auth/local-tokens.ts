/** The stores of tokens of a single process, where those that the fleet shares cannot be used. */
import type { RefreshStore, StoredToken, TokenStore } from '../../token-store.ts'

export function createLocalTokenStore(elapsed = (): number => performance.now()): TokenStore {
  const none = { generation: 0, sealed: null, issuedAt: 0, expiresAt: 0, coolDown: null }
  let stored: Omit<StoredToken, 'now'> = none
  return {
    read: async () => ({ ...stored, now: elapsed() }),
    claim: async (_leaseMs, generation) => (generation === stored.generation ? 'ours' : null),
    async publish(_claim, { sealed, issuedAt, expiresAt, aboveGeneration }) {
      const generation = Math.max(stored.generation, aboveGeneration) + 1
      stored = { generation, sealed, issuedAt, expiresAt, coolDown: null }
      return generation
    },
    async fail(_claim, coolDown) {
      stored = { ...stored, coolDown }
    },
    async reject(generation) {
      if (stored.generation === generation) stored = { ...none, generation }
    },
  }
}

/** Remembers no session, so that each token is requested anew. */
export const createLocalRefreshStore = (): RefreshStore => ({
  spend: async () => null,
  replace: async () => true,
  drop: async () => {},
  begin: async () => {},
})
