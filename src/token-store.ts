/** The contract between the token manager (`remote/`) and the places tokens are kept (`store/`). */

export interface Token {
  readonly accessToken: string
  /** Only grows. A 401 names the generation it failed with, so that fifty workers reject one token, not fifty. */
  readonly generation: number
  /** Milliseconds since the epoch, by the clock of the store. */
  readonly issuedAt: number
  readonly expiresAt: number
}

/** What is kept, sealed; `sealed` is unreadable without the client secret. All times are by the clock of the store. */
export interface StoredToken {
  /** What that clock shows: the one by which whoever reads this goes, whatever the clock of its own host says. */
  readonly now: number
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

export interface NewToken {
  readonly sealed: string
  readonly issuedAt: number
  readonly expiresAt: number
  /** The highest generation its holder has met: a store that lost its last writes still gives a higher one. */
  readonly aboveGeneration: number
}

export interface TokenStore {
  read(): Promise<StoredToken>
  /**
   * The right to request the token after `generation`, for `leaseMs` by the store's clock; null while another holder has
   * it, or when that token has come meanwhile. Returns the claim's proof.
   */
  claim(leaseMs: number, generation: number): Promise<string | null>
  /**
   * Stores the next generation, and ends the cool-down. Null when the claim was lost meanwhile: the late token must not
   * replace a newer one.
   */
  publish(claim: string, token: NewToken): Promise<number | null>
  /** Gives the claim back after a failed request and starts the fleet's cool-down. */
  fail(claim: string, coolDown: CoolDown): Promise<void>
  /** Forgets the token if it still is of this generation. */
  reject(generation: number): Promise<void>
}

/**
 * Where a refresh token waits for its one use. Apart from the token above, and always in Postgres: what a person's login
 * left there must outlive a wiped Redis.
 */
export interface RefreshStore {
  /**
   * Marks it as spent and hands it out; null when there is none. One caller alone ever gets it unspent, whatever claims
   * say: a server that sees a rotated token twice ends the whole session.
   */
  spend(): Promise<SpentRefresh | null>
  /** What the exchange gave takes its place, unless another has done so. False then. */
  replace(version: number, sealed: string): Promise<boolean>
  /** It was refused, and is of no use to anybody. */
  drop(version: number): Promise<void>
  /** A new session, whatever was there. */
  begin(sealed: string): Promise<void>
}

export interface SpentRefresh {
  readonly sealed: string
  readonly version: number
  /** Handed out before, to somebody who never told what came of it. */
  readonly spentBefore: boolean
}
