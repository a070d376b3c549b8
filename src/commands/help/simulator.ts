import type { Verb } from '../verb.ts'

export const simulator: Verb = {
  name: 'simulator',
  summary: 'run a ScopeStack look-alike on a port of this machine',
  options: [
    { flags: '--port <number>', about: 'port to listen on, 0 for any free one (default 4010)' },
    { flags: '--projects <number>', about: 'projects, about 34 records each (default 60)' },
    {
      flags: '--seed <number>',
      about: 'another seed makes another account (default 1)',
    },
    { flags: '--latency <ms>', about: 'added to every answer of the API (default 0)' },
    { flags: '--page-max <number>', about: 'largest page[size] that is served' },
    {
      flags: '--profile <name>',
      about: 'help-pages (as documented, default) or library (as bare as its libraries)',
    },
  ],
  help: `Serves tokens and the API on the same port, with made-up clients, projects and services,
for trying things out without an account: point SCOPESTACK_AUTH_URL and
SCOPESTACK_API_URL at it. What is changed in it is gone when it stops.

From this machine it takes orders as JSON below /_control, without credentials:
  POST faults         {"kind","match","count","rate","retryAfter","body","ms","afterBytes"}
    kind              302 401 403 404 405 408 409 421 425 429 500 502 503 504 reset truncate html
                      lost-answer slow stall trickle bad-utf8 many-nodes long-number
    body              of a status, in place of its own: html text json empty, as a firewall sends
    match             {"method","type","page","path"}: a part of the path, or "/a regex/"
    count, rate       how often (1, or "always"), and of which share of what matches (1)
  GET, DELETE faults  lists them, ends them; faults/ID one of them
  records/TYPE[/ID]   GET, POST, PATCH {"attributes","relationships"}, DELETE: another's edit
  GET, POST switches  what ScopeStack might do otherwise: {"forbidden":["surveys"]}
  POST script         {"when":{"type","page"},"do":[{"delete":{"type","id"}}]}: while it is read
  POST account        {"slug":"another"}: the account is called otherwise from now on
  POST tokens/revoke  GET stats: the requests so far

Examples
  npm run simulator -- --port 4010 --projects 300
  curl -d '{"kind":"429","retryAfter":2,"count":3}' localhost:4010/_control/faults
  curl -X PATCH -d '{"attributes":{"name":"Theirs"}}' localhost:4010/_control/records/clients/41801`,

  load: () => import('../simulator.ts'),
}
