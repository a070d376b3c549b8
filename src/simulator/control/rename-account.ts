import { idOf, type Linkage } from '../records/records.ts'
import type { World } from '../world.ts'

/** Gives the account another slug, as an administrator may: addresses and linkages that hold the slug change with it. */
export function renameAccount({ account, records }: Pick<World, 'account' | 'records'>, slug: string): void {
  const before = account.slug
  if (slug === before) return
  account.slug = slug
  const own = records.get('accounts', before)
  if (own !== undefined) {
    const { attributes, toOne } = own
    records.remove(own)
    records.add('accounts', slug, { attributes: { ...attributes, slug }, toOne })
  }
  for (const { model, ordered } of records.tables()) {
    const names = Object.entries(model.toOne).flatMap(([name, { type }]) => (type === 'accounts' ? [name] : []))
    for (const rec of ordered) {
      const stored = names.filter((name) => idOf(rec.toOne[name]) === before)
      if (stored.length === 0) continue
      records.update(rec, { toOne: Object.fromEntries(stored.map((name): [string, Linkage] => [name, slug])) })
    }
  }
  records.clearCachedJson()
}
