/** stripe-sync-engine, as its README has it, on the look-alike of Stripe. Its packages are those of bench/package.json. */
import { createRequire } from 'node:module'
import type { Opened, PhaseOptions } from './phase.ts'

/** What is used of it: its packages are installed only when they are measured, so that their types are not there either. */
interface Engine {
  stripe: unknown
  syncCustomers(): Promise<{ synced: number }>
  close(): Promise<void>
}

interface EngineModule {
  readonly StripeSync: new (config: object) => Engine
  readonly runMigrations: (config: { databaseUrl: string; schema: string }) => Promise<void>
}

type StripeClient = new (key: string, config: object) => unknown

/** As CommonJS: its ES module looks for its migrations by `__dirname`. */
const load = createRequire(import.meta.url)
const ENGINE = '@supabase/stripe-sync-engine'
const STRIPE = 'stripe'

export async function openStripe({ stripeUrl }: PhaseOptions): Promise<Opened> {
  const { StripeSync, runMigrations } = load(ENGINE) as EngineModule
  const Stripe = load(STRIPE) as StripeClient
  const databaseUrl = process.env['DATABASE_URL']!
  await runMigrations({ databaseUrl, schema: 'stripe' })
  const engine = new StripeSync({ stripeSecretKey: 'sk_test', poolConfig: { connectionString: databaseUrl } })
  const { hostname, port } = new URL(stripeUrl!)
  // Its settings name no other host than Stripe's.
  engine.stripe = new Stripe('sk_test', { host: hostname, port, protocol: 'http', telemetry: false })
  return {
    act: async () => ({ records: (await engine.syncCustomers()).synced }),
    close: () => engine.close(),
  }
}
