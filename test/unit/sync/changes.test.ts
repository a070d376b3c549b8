import { describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { changeText as changeLines, listText as listLines } from '../../../src/commands/output/changes-output.ts'
import { wrapped as wrappedLines } from '../../../src/commands/output/format.ts'
import { planText as planLines } from '../../../src/commands/output/plan-output.ts'
import { waitsBecause, withId } from '../../../src/report/change-reasons.ts'
import type { Decision } from '../../../src/store/changes/change.ts'
import { checkActionAllowed } from '../../../src/store/outbox/change-actions.ts'
import type { ChangeDetails, SendBlockers } from '../../../src/store/outbox/changes.ts'
import type { PlannedChange } from '../../../src/sync/push/plan.ts'

const [changeText, listText, planText, wrapped] = [
  (...given: Parameters<typeof changeLines>) => changeLines(...given).join('\n'),
  (...given: Parameters<typeof listLines>) => listLines(...given).join('\n'),
  (...given: Parameters<typeof planLines>) => planLines(...given).join('\n'),
  (...given: Parameters<typeof wrappedLines>) => wrappedLines(...given).join('\n'),
]

const LOCAL = 'local-7c9e6679-7425-40de-944b-e07fc1f90ae7'
const LONG = 'Long enough that no line of eighty columns holds it beside anything else'

const change = (given: Partial<ChangeDetails> = {}): ChangeDetails => ({
  id: 32,
  resource: 'clients',
  recordId: '41801',
  op: 'update',
  attributes: { name: 'Mine', domain: 'mine.test' },
  relationships: {},
  base: { attributes: { name: 'Agreed', domain: '' } },
  state: 'waiting',
  attempts: 0,
  requestedAt: null,
  silentFor: null,
  answerId: null,
  answer: null,
  acceptedWith: null,
  inDoubt: null,
  held: false,
  knownIds: null,
  returnedAt: null,
  madeAt: new Date(0),
  madeBy: 'ana',
  notBefore: null,
  settledAt: null,
  supersededBy: null,
  code: null,
  reason: null,
  errors: null,
  decisions: null,
  ...given,
})

const CONFLICT =
  'clients 41801 was changed in ScopeStack, too: name. Nothing was overwritten. See "changes show" for both values, and ' +
  'settle it with "changes resolve --keep local" or "--keep remote".'

const waits = (given: Partial<SendBlockers>): SendBlockers => ({
  held: false,
  seconds: null,
  record: null,
  parent: null,
  ...given,
})

describe('why a change waits', () => {
  it.each([
    [
      'a pause, with its reason',
      waits({ seconds: 9 }),
      { code: 'SYNC_REMOTE_FAILED', reason: 'ScopeStack responded with 503.' },
      'Next try in 9 s: ScopeStack responded with 503. (SYNC_REMOTE_FAILED)',
    ],
    [
      'a new row that is looked for',
      waits({ seconds: 90 }),
      { reason: 'It left.', op: 'create', state: 'lost' },
      'Next lookup in 90 s: It left.',
    ],
    [
      'the new row that it refers to',
      waits({ parent: { change: 2, state: 'waiting' } }),
      {},
      'Waits for change 2, the new row that it refers to.',
    ],
    [
      'one that is parked',
      waits({ parent: { change: 2, state: 'parked' } }),
      {},
      'Waits for change 2, the new row that it refers to, which is parked: see "changes show 2".',
    ],
    [
      'an older change that is on its way',
      waits({ record: { change: 7, state: 'in_flight' } }),
      {},
      'Waits for change 7 of the same record.',
    ],
    [
      'an older change that waits, too',
      waits({ record: { change: 7, state: 'waiting' } }),
      {},
      'Goes together with change 7 of the same record.',
    ],
    ['nothing', undefined, { reason: 'Of yesterday.' }, null],
    ['nothing: it is being sent', waits({ held: true }), {}, null],
  ] as const)('%s', (_, found, given, said) => expect(waitsBecause(change(given), found)).toBe(said))

  it('is in the list and with the change', () => {
    const one = change()
    const found = waits({ record: { change: 7, state: 'in_flight' } })
    const listed = listText({ changes: [one], waits: new Map([[32, found]]), more: 0, now: new Date() }, catalog, false)
    expect(listed).toMatch(/\n {2}32: Waits for change 7 of the same record\.$/)
    expect(changeText(one, found, catalog)).toContain('\n  Waits for change 7 of the same record.\n')
  })
})

describe('a list', () => {
  it('says how many older ones it leaves out', () => {
    const listed = listText({ changes: [change()], waits: new Map(), more: 1495, now: new Date() }, catalog, false)
    expect(listed).toMatch(/\n {2}… 1,495 more, older ones; --json has all\.$/)
  })

  it('is 80 columns wide on a terminal, and uncut for a program', () => {
    const changes = [
      change({
        resource: 'project-subservices',
        recordId: LOCAL,
        state: 'parked',
        reason: CONFLICT,
        madeAt: new Date(),
      }),
    ]
    const text = (wide: boolean) => listText({ changes, waits: new Map(), more: 0, now: new Date() }, catalog, wide)
    expect(
      text(false)
        .split('\n')
        .filter(({ length }) => length > 80),
    ).toEqual([])
    expect(text(false)).not.toContain(LOCAL)
    expect(text(true)).toContain(`project-subservices ${LOCAL}`)
    expect(text(true)).toContain('name, domain')
  })
})

describe('what is to be done', () => {
  it('carries the id, and is not broken into lines', () => {
    expect(withId(CONFLICT, 32)).toContain('See "changes show 32" for')
    for (let margin = 2; margin < 30; margin++) {
      expect(wrapped(withId(CONFLICT, 32), ' '.repeat(margin))).toContain('"changes resolve 32 --keep local"')
    }
    expect(changeText(change({ state: 'parked', reason: CONFLICT }), undefined, catalog)).toContain(
      '"changes resolve 32 --keep local"',
    )
  })

  it.each(['superseded', 'discarded'] as const)('is left out for a change that is %s', (state) => {
    const text = changeText(
      change({ state, code: 'SYNC_PUSH_INVALID', reason: 'ScopeStack refused it. Correct it: edit the row again.' }),
      undefined,
      catalog,
    )
    expect(text).not.toContain('Correct it')
    expect(text).toContain('had been parked: SYNC_PUSH_INVALID')
  })

  it.each([
    [{ state: 'sent' }, 'Change 32 is sent already; nothing is left to decide.'],
    [{ state: 'waiting' }, 'Change 32 waits to be sent; nothing is left to decide.'],
    [{ state: 'parked', code: 'SYNC_PUSH_GONE' }, 'Change 32 is no conflict. "changes discard 32" discards it.'],
    [
      { state: 'parked', code: 'SYNC_PUSH_INVALID' },
      'Change 32 is no conflict. ScopeStack refused it: edit the row again, or discard it with "changes discard 32".',
    ],
    [{ state: 'parked', code: 'SYNC_PUSH_FAILED' }, 'Change 32 is no conflict. "changes show 32" says what helps.'],
  ] as const)('where there is no conflict to settle: %o', (given, said) => {
    expect(() => checkActionAllowed('resolve', change(given))).toThrow(said)
  })
})

describe('the values', () => {
  const decisions: Decision[] = [
    { member: 'name', base: 'Agreed', local: LONG, remote: 'Theirs\nof two lines', decision: 'park' },
    { member: 'domain', base: '', local: 'mine.test', remote: '', decision: 'send' },
  ]

  it('are shown in full, each on a line of its own where one does not hold them', () => {
    const text = changeText(change({ state: 'parked', decisions }), undefined, catalog)
    expect(text).toContain(
      `    name  ScopeStack has another value: parked\n      was         Agreed\n      here        ${LONG}\n` +
        '      ScopeStack  "Theirs\\nof two lines"\n',
    )
  })

  it('that are in no conflict wait with the one that is, and an empty text is distinguished from none', () => {
    const text = changeText(change({ state: 'parked', decisions }), undefined, catalog)
    expect(text).toMatch(/\n {4}domain {2}"" → mine\.test\n {12}waits with it$/)
    const planned: PlannedChange = {
      change: change(),
      method: 'PATCH',
      path: '/demo/v1/clients/41801',
      action: 'park',
      decisions,
    }
    const plan = planText([planned], { catalog, wide: false })
    expect(plan).toMatch(/\n {4}domain {2}"" → mine\.test\n {12}waits with it\n/)
    expect(plan).not.toContain(LONG)
    expect(plan.split('\n').filter(({ length }) => length > 80)).toEqual([])
    expect(planText([planned], { catalog, wide: true })).toContain(LONG)
    expect(planText([planned], { catalog, wide: true, behind: 2 })).toMatch(
      /\n\n1 record\. 2 more changes wait behind them\. Nothing was sent\.$/,
    )
  })
})
