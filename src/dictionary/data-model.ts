/** docs/data-model.md: the diagrams and tables that every account has. `npm run dictionary:docs` writes it. */
import { catalog } from '../catalog/registry.ts'
import { catalogDictionary, nameOf, type DictionaryTable } from './dictionary.ts'
import { erDiagram } from './er-diagram.ts'
import { diagramBlock, markdownTable } from './markdown.ts'

const ABOUT = `# Data model

<!-- Generated from src/resources/: npm run dictionary:docs -->

The tables of schema \`scopestack\` that every account has, by area, with the columns that lead from one to another. A line
from \`clients\` to \`projects\` with \`client_id\` on it means \`projects.client_id = clients.id\`. A line with a fork at both ends is
a column with a list of ids (\`text[]\`). Lines within an area are drawn; where a column leads to another area, the table's name stands
beside it.

Every table also has \`account_id\`, which leads to the one row of \`accounts\`; it is left out of the diagrams, as are most columns.
\`npm run -s sync -- dictionary\` shows all of them, and what only your account has. How to use the tables:
[analysts.md](analysts.md).`

/** What docs/data-model.md has: the diagrams, and each table in one line. */
export function dataModelDocs(): string {
  const { areas } = catalogDictionary(catalog)
  const parts = areas.map((area) => {
    const rows = area.tables.map((table) => [`\`${nameOf(table)}\``, table.comment, keysOf(table)])
    return [
      `## ${area.name}`,
      area.about,
      ...diagramBlock(erDiagram(area)),
      markdownTable(['table', 'what it is', 'keys'], rows),
    ].join('\n\n')
  })
  return `${[ABOUT, ...parts].join('\n\n')}\n`
}

const keysOf = ({ columns }: DictionaryTable): string =>
  columns
    .filter(({ target }) => target !== null && target !== 'accounts')
    .map(({ name, target }) => `${name} → ${target}`)
    .join(', ')
