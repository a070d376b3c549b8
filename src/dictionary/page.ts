/**
 * The dictionary as one page without anything from elsewhere: it can be mailed, put on a share, printed. Everything in it may come
 * from an account, so text is escaped where it enters (`safe`), and a policy allows only the style and the script of this file.
 */
import { createHash } from 'node:crypto'
import { visible } from '../screen/visible.ts'
import {
  nameOf,
  tablesOf,
  type Dictionary,
  type DictionaryArea,
  type DictionaryColumn,
  type DictionaryTable,
} from './dictionary.ts'
import { SCRIPT, STYLE } from './page-style.ts'
import { columnNotes, filledShare, sourceSentence, tableFacts } from './wording.ts'

/** Says that a file is such a page, so that it may be replaced by a newer one. */
export const MARK = '<meta name="generator" content="scopestack-sync dictionary">'

export function dictionaryPage(dictionary: Dictionary): string {
  const known = new Set(tablesOf(dictionary).map(nameOf))
  const policy = `default-src 'none'; style-src '${digest(STYLE)}'; script-src '${digest(SCRIPT)}'; img-src data:; base-uri 'none'; form-action 'none'`
  const account = dictionary.source?.account ?? null
  const title = account === null ? 'Data dictionary' : `Data dictionary of ${account}`
  return safe`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
${raw(MARK)}
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${raw(STYLE)}</style>
</head>
<body>
<a class="skip" href="#tables">To the tables</a>
<header>
<h1>${title}</h1>
<p>${sourceSentence(dictionary)}</p>
<search hidden><label for="words">Find a table or a column</label><input id="words" type="search" autocomplete="off"> <output></output></search>
<nav aria-label="Tables">${dictionary.areas.map(contentsOf)}</nav>
</header>
<main id="tables" tabindex="-1">${dictionary.areas.map((area) => areaOf(area, known))}
</main>
<script>${raw(SCRIPT)}</script>
</body>
</html>
`.text
}

const contentsOf = ({ name, tables }: DictionaryArea): Html =>
  safe`
<div class="area"><h2>${name}</h2><ul>${tables.map(
    (table) => safe`<li class="table" id="to-${anchor(nameOf(table))}">${linkTo(nameOf(table))}</li>`,
  )}</ul></div>`

const areaOf = ({ name, about, tables }: DictionaryArea, known: ReadonlySet<string>): Html => safe`
<section class="area">
<h2>${name}</h2>
<p>${about}</p>${tables.map((table) => sectionOf(table, known))}
</section>`

function sectionOf(table: DictionaryTable, known: ReadonlySet<string>): Html {
  const name = nameOf(table)
  const facts = [table.kind === 'view' ? 'A view.' : '', ...tableFacts(table)].filter((fact) => fact !== '')
  const filled = table.rows === null ? '' : safe`<th scope="col">Filled</th>`
  return safe`
<section class="table" id="${anchor(name)}">
<h3>${name}</h3>
<p>${table.comment}</p>${facts.length > 0 ? safe`<p class="soft">${facts.join(' ')}</p>` : ''}${aroundOf(table, known)}
<table>
<thead><tr><th scope="col">Column</th><th scope="col">Type</th>${filled}<th scope="col">What it is</th></tr></thead>
<tbody>${table.columns.map((column) => rowOf(column, table, known))}
</tbody></table>${fieldsOf(table)}
</section>`
}

function rowOf(column: DictionaryColumn, table: DictionaryTable, known: ReadonlySet<string>): Html {
  const id = anchor(`${nameOf(table)}.${column.name}`)
  const filled = table.rows === null ? '' : safe`<td class="n" data-is="filled">${filledShare(column, table)}</td>`
  const target = column.target === null ? '' : safe` → ${linkTo(column.target, known)}.`
  const notes = columnNotes({ ...column, origin: 'catalog' }).join(' ')
  const here = column.origin === 'account' ? safe`<span class="here">only in this database</span> ` : ''
  return safe`
<tr id="${id}"><th scope="row"><a href="#${encodeURIComponent(id)}"><code>${column.name}</code></a></th><td><code>${column.type}</code></td>${filled}<td>${here}${column.comment}${target} <span class="soft">${notes}</span></td></tr>`
}

/** What it refers to, and what refers to it: the neighbours that a diagram would show. */
function aroundOf(table: DictionaryTable, known: ReadonlySet<string>): Html | '' {
  const to = table.columns.flatMap(({ name, target }) =>
    target === null || target === 'accounts' ? [] : [{ table: target, column: name }],
  )
  const from = nameOf(table) === 'accounts' ? [] : table.referredBy
  if (to.length + from.length === 0) return ''
  const list = (heading: string, found: readonly { readonly table: string; readonly column: string }[]): Html | '' =>
    found.length === 0
      ? ''
      : safe`<div><b>${heading}</b><ul>${found.map(
          (one) => safe`<li>${linkTo(one.table, known)} <span class="soft">by ${one.column}</span></li>`,
        )}</ul></div>`
  return safe`
<div class="around">${list('refers to', to)}${list('is referred to by', from)}</div>`
}

function fieldsOf({ fields, name }: DictionaryTable): Html | '' {
  if (fields.length === 0) return ''
  return safe`
<table><caption>User-defined fields of ${name}</caption>
<thead><tr><th scope="col">Field</th><th scope="col">Type</th><th scope="col">Records with a value</th><th scope="col">Label</th></tr></thead>
<tbody>${fields.map(
    (field) => safe`
<tr><th scope="row"><code>${field.name}</code></th><td>${field.type ?? ''}</td><td class="n" data-is="records with a value">${field.filled.toLocaleString('en-US')}</td><td>${field.label ?? ''}</td></tr>`,
  )}
</tbody></table>`
}

/** A link, where the page has the table. */
const linkTo = (name: string, known?: ReadonlySet<string>): Html =>
  known === undefined || known.has(name)
    ? safe`<a href="#${encodeURIComponent(anchor(name))}">${name}</a>`
    : safe`${name}`

/** An id has no space in it. */
const anchor = (name: string): string => name.replace(/\s/g, '_')

interface Html {
  readonly text: string
}

const raw = (text: string): Html => ({ text })

/**
 * Escapes every value that is not made by itself, in text and in quoted attributes. Not called `html`: the formatter would put line
 * breaks into the script, whose digest the policy has.
 */
function safe(parts: TemplateStringsArray, ...values: readonly (string | Html | readonly Html[])[]): Html {
  const texts = values.map((value) => {
    if (typeof value === 'string') return escaped(value)
    return 'text' in value ? value.text : value.map(({ text }) => text).join('')
  })
  return { text: parts.map((part, index) => part + (texts[index] ?? '')).join('') }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escaped = (text: string): string => visible(text).replace(/[&<>"']/g, (sign) => ENTITIES[sign]!)

const digest = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`
