import type { Store } from '../../assemble/store.ts'

/** Where the data go, and how they are looked at; nothing where DATABASE_URL says it. @param runs for how long, in words. */
export const embeddedNote = ({ embedded, url }: Pick<Store, 'embedded' | 'url'>, runs: string): string[] =>
  embedded === undefined
    ? []
    : [
        `DATABASE_URL is not set: using the embedded Postgres in ${embedded}.`,
        `It runs for as long as ${runs}, at`,
        `  ${url}`,
      ]
