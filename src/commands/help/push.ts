import type { Verb } from '../verb.ts'

export const push: Verb = {
  name: 'push',
  summary: 'send local edits to ScopeStack, in this process',
  options: [
    { flags: '--plan', about: 'show what would be sent and both sides, without sending anything' },
    { flags: '--json', about: 'one JSON object a line on stdout, for machines' },
  ],
  help: `Edits of schema scopestack wait in an outbox until they are sent. "start" sends them within a
second; this command sends them by hand (SYNC_PUSH=off), or shows them first. One process
sends at a time: while another one does, this command says so and waits for it.

Before a change is sent, the record is read from ScopeStack. Other fields that changed there
are kept; for the same field SYNC_CONFLICT decides, which parks the change by default. A change
that ScopeStack refuses is parked, too, with the reason, and the others are sent. A new row is
looked up before it is created, so that it can be recognized when the response is lost; --plan
shows by which fields.

Each change ends as one of
  sent        ScopeStack accepted it
  superseded  nothing was left to send, or a later change includes it
  parked      waits for your decision: "changes list"
or it waits, and the last lines say why. A change that failed in ScopeStack is retried at once
here, without the usual delay; a new row whose response was lost keeps its delay, since
ScopeStack may still be working on it.

Exit code 2 when anything waits or is parked.

Examples
  npm run -s sync -- push --plan
  npm run -s sync -- push
  npm run -s sync -- changes list`,

  load: () => import('../push.ts'),
}
