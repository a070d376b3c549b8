/** Who paused, resumed, retried or discarded something by the dashboard, and what was refused: in the log. */
import type { Context } from 'hono'
import type { Logger } from '../logger.ts'
import type { Env } from './guard.ts'

type Facts = Readonly<Record<string, unknown>>

export interface ActionLog {
  done(c: Context<Env>, facts: Facts): void
  refused(c: Context<Env>, facts: Facts, why: string): void
}

/** @param isOpen the dashboard asks for no token. */
export const createActionLog = (isOpen: boolean, log: () => Logger): ActionLog => ({
  done: (c, facts) => log().info({ ...facts, ...actorOf(c, isOpen) }, 'done by the dashboard'),
  refused: (c, facts, why) => log().warn({ ...facts, ...actorOf(c, isOpen) }, `refused by the dashboard: ${why}`),
})

const LONGEST = 200

/** By the right of the token: the token itself, which would be its name, is a secret. */
const actorOf = (c: Context<Env>, isOpen: boolean): Facts => ({
  tokenMay: isOpen ? 'none asked for' : (c.get('session')?.right ?? 'none'),
  ...callerOf(c),
})

export function callerOf(c: Context<Env>): Facts {
  const forwardedFor = c.req.header('x-forwarded-for')?.slice(0, LONGEST)
  return {
    // Behind a proxy this is the proxy, and whom it acts for is what it says; anyone who gets here without one can say that, too.
    from: c.env.incoming.socket.remoteAddress ?? null,
    ...(forwardedFor === undefined ? {} : { forwardedFor }),
  }
}
