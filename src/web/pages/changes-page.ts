/** Local edits that wait or are parked, grouped by their reason, with the values of both sides; and what can be done about them. */
import { html } from 'hono/html'
import type { Resource } from '../../catalog/resource.ts'
import { entryOf } from '../../errors/table.ts'
import { decisionsOf, hasConflict, reasonOf, remarkOn, waitsBecause } from '../../report/change-reasons.ts'
import { many, thousands } from '../../report/words.ts'
import type { Decision } from '../../store/changes/change.ts'
import { memberName } from '../../store/changes/fields.ts'
import { PARKED, wordOf } from '../../store/changes/states.ts'
import {
  actionOf,
  checkActionAllowed,
  DECISIONS,
  stampOf,
  type ChangeDecision,
} from '../../store/outbox/change-actions.ts'
import type { ChangeDetails, SendBlockers } from '../../store/outbox/changes.ts'
import type { Session } from '../access.ts'
import { keyField } from './layout.ts'
import { badge, bounded, clipped, said, shown, table, when, type Html } from './text.ts'

export interface ChangesFacts {
  readonly changes: readonly ChangeDetails[]
  /** All there are: the newest are shown. */
  readonly count: number
  readonly waits: ReadonlyMap<number, SendBlockers>
  readonly catalog: ReadonlyMap<string, Resource>
  readonly now: Date
}

export interface Notice {
  readonly level: 'ok' | 'bad'
  readonly text: string
}

export function changesPage(facts: ChangesFacts, session: Session, notice: Notice | null): Html {
  const { changes, count } = facts
  const groups = Map.groupBy(changes, ({ state, code }) => `${wordOf(state)}${code === null ? '' : ` ${code}`}`)
  // What needs a person comes first.
  const parkedFirst = [...groups].toSorted(([one], [other]) => rank(one) - rank(other))
  return html`<h1>${count === 0 ? 'No change waits, and none is parked' : `${many(count, 'change')} not sent`}</h1>
    ${noticeOf(notice)} ${count > changes.length && html`<p>The newest ${thousands(changes.length)} are shown.</p>`}
    ${parkedFirst.map(([name, those], at) => group(name, those, `group-${at}`, facts, session))}`
}

export const noticeOf = (notice: Notice | null): Html =>
  notice === null ? html`` : html`<p class="notice ${notice.level}" role="status">${said(notice.text)}</p>`

const rank = (name: string): number => (name.startsWith('parked') ? 0 : 1)

const WORDS: Readonly<Record<ChangeDecision, string>> = {
  retry: 'Retry',
  discard: 'Discard',
  'keep local': 'Keep the local values',
  'keep remote': "Keep ScopeStack's values",
}

/** Refused by the same check that the command makes. */
const allowed = (change: ChangeDetails): ChangeDecision[] =>
  DECISIONS.filter((decision) => {
    try {
      checkActionAllowed(actionOf(decision), change)
      return true
    } catch {
      return false
    }
  })

function group(name: string, those: readonly ChangeDetails[], id: string, facts: ChangesFacts, session: Session): Html {
  const can =
    session.right === 'act' ? DECISIONS.filter((one) => those.every((change) => allowed(change).includes(one))) : []
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${name}: ${thousands(those.length)}</h2>
    ${those[0]!.code !== null && html`<p>${entryOf(those[0]!.code).meaning}</p>`}
    <form method="post" action="/changes">
      ${keyField(session.formKey)}
      ${those.map(
        (change) =>
          html`<input type="hidden" name="all" value="${change.id}" /><input
              type="hidden"
              name="seen"
              value="${change.id}:${stampOf(change)}"
            />`,
      )}
      ${those.length > 1 && can.length > 0 && bulk(can, those.length)}
      ${those.map((change) => oneChange(change, facts, session, those.length > 1 && can.length > 0))}
    </form>
  </section>`
}

const bulk = (can: readonly ChangeDecision[], count: number): Html =>
  html`<div class="actions">
      ${can.map((one) => html`<button name="decision" value="${one}:selected">${WORDS[one]}: selected</button>`)}
    </div>
    <details>
      <summary>All ${count} of them</summary>
      <div class="actions">
        ${can.map(
          (one) =>
            html`<button name="decision" value="${one}:all" class="${dangerOf(one)}">
              ${WORDS[one]}: all ${count}
            </button>`,
        )}
      </div>
    </details>`

const dangerOf = (decision: ChangeDecision): string =>
  decision === 'discard' || decision === 'keep remote' ? 'danger' : 'usual'

function oneChange(change: ChangeDetails, facts: ChangesFacts, session: Session, selectable: boolean): Html {
  const { id, op, resource, recordId, state, madeAt, madeBy, errors } = change
  const { catalog, waits, now } = facts
  const why = PARKED.includes(state) ? reasonOf(change) : waitsBecause(change, waits.get(id))
  return html`<article class="change" aria-labelledby="change-${id}">
    <h3 id="change-${id}">
      ${selectable && html`<input type="checkbox" name="id" value="${id}" aria-label="Select change ${id}" />`} Change
      ${id}: ${op} of ${bounded(resource)} ${said(recordId, 100)}
      ${badge(wordOf(state), PARKED.includes(state) ? 'bad' : 'plain')}
    </h3>
    <p>Made ${when(madeAt, now)} by ${said(madeBy)}.</p>
    ${why !== null && html`<p>${clipped(why, `why-${id}`)}</p>`}
    ${(errors ?? []).map(({ column, message }) => html`<p>${said(column ?? 'the record')}: ${said(message)}</p>`)}
    ${values(decisionsOf(change), catalog.get(resource))} ${session.right === 'act' && actions(change)}
  </article>`
}

const values = (decisions: readonly Decision[], resource: Resource | undefined): Html => {
  const parked = hasConflict(decisions)
  return table(
    'Values',
    ['column', 'here', 'ScopeStack', 'before both', 'decided'],
    decisions.map(
      (one) =>
        html`<tr>
          <th scope="row">${said(memberName(resource, one))}</th>
          <td>${shown(one.local)}</td>
          <td>${shown(one.remote)}</td>
          <td>${shown(one.base)}</td>
          <td>${remarkOn(one, parked)}</td>
        </tr>`,
    ),
    'No values.',
  )
}

function actions(change: ChangeDetails): Html {
  const can = allowed(change)
  const plain = can.filter((one) => one !== 'discard')
  return html`<div class="actions">
    ${plain.map((one) => html`<button name="decision" value="${one}:${change.id}">${WORDS[one]}</button>`)}
    ${
      can.includes('discard') &&
      html`<details>
        <summary>Discard …</summary>
        <button class="danger" name="decision" value="discard:${change.id}">
          Discard change ${change.id}: the edit is lost
        </button>
      </details>`
    }
  </div>`
}

/** What a form asks for; null for one that no page of ours has. */
export function decisionIn(form: Readonly<Record<string, readonly string[]>>) {
  const [text = ''] = form['decision'] ?? []
  const [word, target = ''] = text.split(':')
  const decision = DECISIONS.find((one) => one === word)
  const named = target === 'all' ? (form['all'] ?? []) : target === 'selected' ? (form['id'] ?? []) : [target]
  if (decision === undefined || named.some((id) => !/^\d{1,15}$/.test(id))) return null
  // A program that sends none decides on what is there.
  const seen = new Map((form['seen'] ?? []).map((one) => [Number.parseInt(one), one.slice(one.indexOf(':') + 1)]))
  return { decision, ids: [...new Set(named.map(Number))], seen }
}

/** After it was done. */
export const doneNotice = (decision: ChangeDecision, count: number): Notice => ({
  level: 'ok',
  text: `${WORDS[decision]}: ${many(count, 'change')}.`,
})
