import type { Verb } from '../verb.ts'

export const simulator: Verb = {
  name: 'simulator',
  summary: 'run a simulated ScopeStack account on a port of this machine',
  options: [
    { flags: '--port <number>', about: 'port to listen on, 0 for any free one (default 4010)' },
    { flags: '--projects <number>', about: 'projects, about 34 records each (default 60)' },
    { flags: '--seed <number>', about: 'another seed generates another account (default 1)' },
    { flags: '--latency <ms>', about: 'delay of every API response (default 0)' },
    { flags: '--page-max <number>', about: 'largest page[size] that is accepted' },
    { flags: '--honest-304', about: 'respond with 304 only after building the page, as Rails does' },
    {
      flags: '--profile <name>',
      about: 'help-pages (as documented, default) or library (as bare as its libraries)',
    },
  ],
  help: `Serves tokens and the API on the same port, with invented clients, projects and services,
to try things out without an account: set SCOPESTACK_AUTH_URL and SCOPESTACK_API_URL to
its address. It keeps changes in memory and loses them when it stops.

The control API below /_control takes JSON from this machine only, without credentials:
  POST faults         {"kind","match","count","rate","retryAfter","body","ms","afterBytes"}
    kind              302 401 403 404 405 408 409 421 425 429 500 502 503 504 reset truncate html
                      lost-answer slow stall trickle bad-utf8 many-nodes long-number
    body              html text json empty: the body of a status, as a firewall sends it
    match             {"method","type","page","path"}: a part of the path, or "/a regex/"
    count, rate       number of requests (1, or "always"), and share of the matching ones (1)
  GET, DELETE faults  lists, removes all; faults/ID for one
  records/TYPE[/ID]   GET, POST, PATCH {"attributes","relationships"}, DELETE: edits of other users
  GET, POST switches  behaviour of ScopeStack that is not known: {"forbidden":["surveys"]}
  POST script         {"when":{"type","page"},"do":[{"delete":{"type","id"}}]}: edits during a read
  POST account        {"slug":"another"}: gives the account another slug
  POST tokens/revoke  revokes all access tokens
  GET, DELETE stats   requests so far, back to zero

Examples
  npm run simulator -- --port 4010 --projects 300
  curl -d '{"kind":"429","retryAfter":2,"count":3}' localhost:4010/_control/faults
  curl -X PATCH -d '{"attributes":{"name":"Theirs"}}' localhost:4010/_control/records/clients/41801`,

  load: () => import('../simulator.ts'),
}
