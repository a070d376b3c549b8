/** The contract between the token manager (`remote/tokens.ts`) and the places a token may be kept (`store/tokens.ts`). */

export interface Token {
  readonly accessToken: string
  /** Only grows. A 401 names the generation it failed with, so that fifty workers reject one token, not fifty. */
  readonly generation: number
  /** Milliseconds since the epoch, by the clock of this process. */
  readonly issuedAt: number
  readonly expiresAt: number
}

/** What is kept, sealed; `sealed` is unreadable without the client secret. */
export interface StoredToken {
  readonly generation: number
  /** Null after a rejection, and before the first token. */
  readonly sealed: string | null
  readonly issuedAt: number
  readonly expiresAt: number
  /** After a failed token request: nobody asks again before this time. */
  readonly coolDown: CoolDown | null
}

export interface CoolDown {
  readonly until: number
  readonly reason: string
  /** The credentials themselves were refused: asking again cannot help. */
  readonly refused: boolean
}

export interface TokenStore {
  read(): Promise<StoredToken>
  /**
   * The right to request the token after `generation`, for `leaseMs`; null while another holder has it, or when that
   * token has come meanwhile. Returns the claim's proof.
   */
  claim(leaseMs: number, generation: number): Promise<string | null>
  /** Stores the next generation. False when the claim was lost meanwhile: the late token must not replace a newer one. */
  publish(claim: string, token: { sealed: string; issuedAt: number; expiresAt: number }): Promise<boolean>
  /** Gives the claim back after a failed request and starts the fleet's cool-down. */
  fail(claim: string, coolDown: CoolDown): Promise<void>
  /** Forgets the token if it still is of this generation. */
  reject(generation: number): Promise<void>
}
