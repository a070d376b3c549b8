/** Style and script of the dictionary's page: both are in the file, and its policy allows only these two, by their digests. */

export const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1a1d21, #e6e8eb); --soft: light-dark(#565d66, #a3abb5);
  --line: light-dark(#d5d9de, #3a4048); --paper: light-dark(#fff, #15181c); --raised: light-dark(#f4f6f8, #1f242a);
  --link: light-dark(#0b57a4, #7db8ff); }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 auto; max-width: 80rem; padding: 0 1rem 3rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: .5rem; top: .5rem; padding: .5rem; background: var(--paper); }
h1 { margin: 1rem 0 .25rem; } h2 { margin: 2.5rem 0 .25rem; border-bottom: 2px solid var(--line); }
h3 { margin: 2rem 0 .25rem; font-family: ui-monospace, monospace; } h3 small { font-weight: 400; color: var(--soft); }
p { margin: .25rem 0 .75rem; max-width: 60rem; } .soft { color: var(--soft); }
nav ul { columns: 16rem; margin: .25rem 0 1rem; padding: 0; list-style: none; } nav h2 { font-size: 1rem; margin: 1rem 0 0; border: 0; }
label { display: block; } input { font: inherit; width: 100%; max-width: 30rem; padding: .4rem .6rem; color: inherit;
  background: var(--raised); border: 1px solid var(--soft); border-radius: .3rem; }
.around { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: .5rem 1rem; margin: .5rem 0 1rem; }
.around div { background: var(--raised); border: 1px solid var(--line); border-radius: .3rem; padding: .5rem .75rem; }
.around b { display: block; font-weight: 600; } .around ul { margin: 0; padding: 0; list-style: none; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; color: var(--soft); padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; } tbody th { font-weight: 400; }
td.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
code, th code { font-family: ui-monospace, monospace; font-size: .95em; }
tr:target, section:target > h3 { background: var(--raised); }
th a { text-decoration: none; } th a:hover { text-decoration: underline; }
.here { border: 1px solid var(--soft); border-radius: .6rem; padding: 0 .4rem; font-size: .85em; white-space: nowrap; }
[hidden] { display: none !important; }
@media (max-width: 45rem) { table, tbody, tr, th, td, caption { display: block; width: 100%; } thead { position: absolute; left: -100vw; }
  th, td { border: 0; padding: 0; } td.n { text-align: left; } td.n:empty { display: none; } td[data-is]:not(:empty)::before { content: attr(data-is) ": "; color: var(--soft); }
  tr { border-bottom: 1px solid var(--line); padding: .4rem 0; } tbody th { font-weight: 600; } }
@media print { :root { color-scheme: light; } body { max-width: none; font-size: 9pt; } .skip, search { display: none; }
  a { color: inherit; text-decoration: none; } tr, .around div { break-inside: avoid; } h2, h3 { break-after: avoid; } }
`

/** Hides what does not have all the words; without it the page is the same, and has no box to search with. */
export const SCRIPT = `
const box = document.querySelector('search');
const input = box.querySelector('input');
const said = box.querySelector('output');
const sections = [...document.querySelectorAll('section.table')].map((section) => ({ section,
  entry: document.getElementById('to-' + section.id),
  head: (section.querySelector('h3').textContent + ' ' + section.querySelector('p').textContent).toLowerCase(),
  rows: [...section.querySelectorAll('tbody tr')].map((row) => ({ row, text: row.textContent.toLowerCase() })) }));
const areas = [...document.querySelectorAll('.area')];
box.hidden = false;
input.addEventListener('input', () => {
  const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
  const has = (text) => words.every((word) => text.includes(word));
  let tables = 0;
  for (const { section, entry, head, rows } of sections) {
    const whole = has(head);
    let some = false;
    for (const { row, text } of rows) { const shown = whole || has(head + ' ' + text); row.hidden = !shown; some ||= shown; }
    section.hidden = entry.hidden = !whole && !some;
    tables += section.hidden ? 0 : 1;
  }
  for (const area of areas) area.hidden = !area.querySelector('.table:not([hidden])');
  said.textContent = words.length === 0 ? '' : tables === 1 ? '1 table' : tables + ' tables';
});
`
