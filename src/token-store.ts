/**
 * The access token that all processes of one pair of credentials share: the contract between the token source (`remote/auth`)
 * and the stores (`store/fleet/tokens.ts`, `tokens-redis.ts`).
 *
 *   no token ── claim ► one process requests it ── publish ► generation n ── reject(n), or it expires ► no token
 *                                               └─ fail ► cool-down: no process requests before its end
 *
 * `generation` only grows. A 401 rejects the generation that it was sent with: when fifty workers get a 401 for one token, one
 * of them rejects it and forty-nine find a newer generation. A claim gives one process the right to request the next
 * generation, for a limited time; publish, fail and reject change nothing when the claim or the generation is out of date.
 *
 *   failure                             what happens
 *   the claimant is killed              its claim ends by time, and another process requests the token
 *   the claimant is slow, its claim     publish returns null, and the newer token stays
 *   has passed to another
 *   the token request fails             fail: the cool-down reaches all processes, so that they do not all repeat it
 *   the store lost its last writes      `aboveGeneration` keeps the generation growing
 *   the client secret was changed       `sealed` cannot be opened, which counts as no token
 */

export interface Token {
  readonly accessToken: string
  /** Only grows. */
  readonly generation: number
  /** Milliseconds since the epoch, by the clock of the store. */
  readonly issuedAt: number
  readonly expiresAt: number
}

/** The stored token. `sealed` is unreadable without the client secret. All times are by the clock of the store. */
export interface StoredToken {
  /** What that clock shows. A reader uses it, and not the clock of its host. */
  readonly now: number
  readonly generation: number
  /** Null after a rejection, and before the first token. */
  readonly sealed: string | null
  readonly issuedAt: number
  readonly expiresAt: number
  /** After a failed token request: no process requests a token before its end. */
  readonly coolDown: CoolDown | null
}

export interface CoolDown {
  readonly until: number
  readonly reason: string
  /** The credentials themselves were refused: another request cannot help. */
  readonly refused: boolean
}

export interface NewToken {
  readonly sealed: string
  readonly issuedAt: number
  readonly expiresAt: number
  /** The highest generation that the claimant has seen. */
  readonly aboveGeneration: number
}

export interface TokenStore {
  read(): Promise<StoredToken>
  /**
   * The right to request the token after `generation`, for `leaseMs`. Null while another process has it, or when a newer
   * generation exists. Returns the proof of the claim.
   *
   * @param proof of a claim whose response may have been lost: the same one again.
   */
  claim(leaseMs: number, generation: number, proof?: string): Promise<string | null>
  /**
   * Stores the next generation and ends the cool-down. Null when the claim was lost: a late token must not replace a newer
   * one.
   */
  publish(claim: string, token: NewToken): Promise<number | null>
  /** Gives up the claim after a failed request, and starts the cool-down of all processes. */
  fail(claim: string, coolDown: CoolDown): Promise<void>
  /** Deletes the token if it still is of this generation. */
  reject(generation: number): Promise<void>
}

/**
 * The refresh token, which can be used once. It is stored apart from the access token and always in Postgres: a person's
 * sign-in must survive a wiped Redis.
 */
export interface RefreshStore {
  /**
   * Marks it as spent and returns it; null when there is none. Exactly one caller gets it unspent: a server that sees a
   * rotated token twice ends the whole session.
   */
  spend(): Promise<SpentRefresh | null>
  /** Stores the token that the exchange returned. False when another process has replaced it already. */
  replace(version: number, sealed: string): Promise<boolean>
  /** The server refused it. */
  drop(version: number): Promise<void>
  /** Stores the first token of a new session. */
  begin(sealed: string): Promise<void>
}

export interface SpentRefresh {
  readonly sealed: string
  readonly version: number
  /** Returned before, to a process that has not reported the outcome. */
  readonly spentBefore: boolean
}
