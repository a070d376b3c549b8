import type { Setting } from './setting.ts'

/** The content of each table of every schema of the database, as text, by its name. */
export async function everyTable(sql: Setting['sql']): Promise<[name: string, text: string][]> {
  const tables = await sql<{ schema: string; name: string }[]>`
    select table_schema as schema, table_name as name from information_schema.tables
    where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`
  const texts: [string, string][] = []
  for (const { schema, name } of tables) {
    const [row] = await sql.unsafe<{ text: string }[]>(
      `select coalesce(string_agg(t::text, e'\\n'), '') as text from "${schema}"."${name}" t`,
    )
    texts.push([`${schema}.${name}`, row!.text])
  }
  return texts
}

/** Every encoding in which a secret is searched; a table quotes its values, and JSON in them once more. */
function shapesOf(secret: string): string[] {
  const quoted = JSON.stringify(secret).slice(1, -1)
  const encoded = encodeURIComponent(secret)
  const inBase64 = [secret, encoded].flatMap((text) =>
    ['', '.', '..'].flatMap((before) =>
      (['base64', 'base64url'] as const).map((alphabet) =>
        Buffer.from(before + text)
          .toString(alphabet)
          .slice(before === '' ? 0 : before.length + 1),
      ),
    ),
  )
  return [
    secret,
    encoded,
    new URLSearchParams({ a: secret }).toString().slice(2),
    quoted,
    JSON.stringify(quoted).slice(1, -1),
    quoted.replaceAll('"', '""'),
    Buffer.from(secret).toString('hex'),
    ...inBase64,
  ]
}

/** A piece of this length does not occur by chance. */
const PIECE = 20
/** Pieces begin at every position of an encoding, and at every fourth of a text: one that is longer by three is found. */
const STEP = 4

/** The position of a piece of a secret, in any case, and the text around it. */
export function leaks(
  places: readonly (readonly [name: string, text: string])[],
  secrets: readonly string[],
): string[] {
  const pieces = new Set<string>()
  for (const secret of secrets) {
    for (const shape of shapesOf(secret).map((text) => text.toLowerCase())) {
      for (let at = 0; at + PIECE <= shape.length; at++) pieces.add(shape.slice(at, at + PIECE))
    }
  }
  return places.flatMap(([name, given]) => {
    const text = given.toLowerCase()
    for (let at = 0; at + PIECE <= text.length; at += STEP) {
      if (pieces.has(text.slice(at, at + PIECE))) return [`${name}: …${given.slice(Math.max(0, at - 60), at + 60)}…`]
    }
    return []
  })
}
