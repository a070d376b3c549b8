import type { Verb } from '../verb.ts'

export const push: Verb = {
  name: 'push',
  summary: 'carry local edits to ScopeStack, now, in this process',
  options: [
    { flags: '--plan', about: 'show what would be sent, and what both sides hold; sends nothing' },
    { flags: '--json', about: 'one JSON object a line on stdout, for machines' },
  ],
  help: `Edits of schema scopestack wait in an outbox until they are sent. "start" sends them within a
second; this is for those who would rather do it themselves (SYNC_PUSH=off), or look first.

Before a change is sent, ScopeStack is asked what it holds. Other fields that changed there are
kept; the same field is settled by SYNC_CONFLICT, which sets the change aside unless told
otherwise. What ScopeStack refuses is set aside too, with its reason, and the rest goes on.
A new row is looked up before it is created, so that it can be told from others when its answer
is lost; --plan says by what.

Each change ends as one of
  sent        ScopeStack took it
  superseded  nothing was left to send, or a later change took it up
  parked      set aside for you: "changes list"
or it waits, and the last lines say why. What ScopeStack failed at is tried at once here, without
the pause it has otherwise; a new row whose answer was lost keeps its pause, since ScopeStack may
be working on it.

Exit code 2 when anything waits or is parked.

Examples
  npm run -s sync -- push --plan
  npm run -s sync -- push
  npm run -s sync -- changes list`,

  load: () => import('../push.ts'),
}
