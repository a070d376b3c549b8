/**
 * Whatever a server answers: a run that says `ok` holds what the server has, in every value; a reading of changes and one
 * of everything give the same digests; an edit reaches the record it was made for, or is parked.
 *
 * A seed that failed is in the error; SEED=… tells that story alone. `npm run faults` tells STORIES of them.
 */
import { expect, test } from 'vitest'
import type { Column, Resource } from '../../../src/catalog/resource.ts'
import { SyncError } from '../../../src/errors/sync-error.ts'
import { createRandom, type Random } from '../../../src/simulator/records/random.ts'
import type { Simulator } from '../../../src/simulator/server.ts'
import type { Database } from '../../../src/store/connection/database.ts'
import type { ResourceOutcome } from '../../../src/store/runs/runs.ts'
import { anySeed, LONG, trySeeds } from '../../support/run/seeds.ts'
import { openAccount, type Account } from '../../support/scopestack/increments.ts'
import { unequal } from '../../support/scopestack/truth.ts'
import { learnedAgo } from '../../support/tables/capabilities.ts'
import { readChanges } from '../../support/tables/outbox.ts'

const STORIES = Number(process.env['STORIES'] ?? 1_000)
/** The short form tells the same stories each time: the long form looks for new ones that fail. */
const FIRST = LONG ? anySeed() : 1
const ROUNDS = 4

/** Some of each sort: with times of change, below projects, with archived records, with keys, with addresses. */
const TYPES = [
  'clients',
  'lines-of-business',
  'phases',
  'project-contacts',
  'project-documents',
  'project-services',
  'project-subservices',
  'projects',
  'services',
  'vendors',
]

type Switches = Parameters<Simulator['setSwitches']>[0]

/** Each with the answers that it may give; the first is the calm one. */
const ANSWERS: { readonly [Name in keyof Switches]: (random: Random, sim: Simulator) => Switches[Name] } = {
  unstableTies: (random) => random.chance(0.5),
  dateFilter: (random) => random.pick(['effective', 'effective', 'ignored', 'refused'] as const),
  sortUpdatedAt: (random) => random.pick(['ok', 'ok', 'refused'] as const),
  listOrder: (random) => random.pick(['id', 'id', 'newest-first', 'grouped', 'shuffled'] as const),
  unpagedLists: (random) => some(random, TYPES, 0.1),
  brokenRecords: (random, { records }) =>
    Object.fromEntries(
      some(random, TYPES, 0.06).map((type) => [type, [random.pick(records.list(type).map(({ id }) => id))]]),
    ),
  heavyPages: (random) => (random.chance(0.2) ? random.between(1, 8) : null),
  pageDepth: (random) => (random.chance(0.1) ? random.between(20, 60) : null),
  pageMax: (random) => (random.chance(0.2) ? random.between(3, 12) : 250),
  etags: (random) => random.pick(['right', 'right', 'constant', 'blind', 'none'] as const),
  missingLists: (random) => some(random, ['lines-of-business', 'phases'], 0.1),
  missingRecords: (random) => some(random, TYPES, 0.05),
  refusedIncludes: (random) => ({
    'project-services': some(random, ['lob', 'service-category', 'project-phase'], 0.15),
    projects: some(random, ['client', 'rate-table', 'psa-project'], 0.15),
  }),
  refusedFilters: (random) => ({
    'project-contacts': some(random, ['project'], 0.2),
    projects: some(random, ['id'], 0.2),
    clients: some(random, ['id'], 0.2),
  }),
  includeErrors: (random) => random.pick(['named', 'empty'] as const),
  nestedNulls: (random) => random.pick(['told', 'left-out'] as const),
  withheldAttributes: (random) => ({
    projects: some(random, ['executive-summary', 'contract-revenue', 'msa-date'], 0.1),
    vendors: some(random, ['country', 'name'], 0.1),
    'project-services': some(random, ['quantity'], 0.1),
  }),
  withheldRelationships: (random) => ({
    projects: some(random, ['client'], 0.1),
    'project-services': some(random, ['lob'], 0.1),
  }),
  compression: (random) => random.pick(['off', 'negotiated', 'unasked'] as const),
  foreignWrites: (random) =>
    random.pick(['off', 'other-record', 'other-type', 'list', 'html', 'empty', 'other-account'] as const),
  errorShape: (random) => random.pick(['json-api', 'error', 'object', 'list', 'text'] as const),
}

const some = <T>(random: Random, all: readonly T[], share: number): T[] => all.filter(() => random.chance(share))

function anyAnswers(random: Random, sim: Simulator): Switches {
  const chosen: Record<string, unknown> = {}
  for (const [name, make] of Object.entries(ANSWERS)) {
    // Most of them calm, or little would ever be `ok`.
    if (random.chance(0.4)) chosen[name] = make(random, sim)
  }
  return { ...CALM, ...chosen }
}

let CALM: Switches = {}

// --- what happens at ScopeStack ---

const NAMED: Readonly<Record<string, string>> = { projects: 'project-name', 'project-documents': 'status' }
/** Names that others repeat change there without a sign. */
const RENAMED = TYPES.filter((type) => type !== 'clients')

function happens(sim: Simulator, random: Random): void {
  const { records } = sim
  const type = random.pick(RENAMED)
  const all = records.list(type)
  const text = `text ${random.between(0, 1e9)}`
  const kind = random.between(0, 7)
  if (all.length === 0) return
  const { id } = random.pick(all)
  if (kind <= 2) records.update(type, id, { attributes: { [NAMED[type] ?? 'name']: text } })
  else if (kind === 3)
    records.update('projects', random.pick(records.list('projects')).id, { relationships: cleared(random) })
  else if (kind === 4) {
    const service = random.pick(records.list('project-services')).id
    records.update('project-services', service, { relationships: { lob: null, 'project-phase': null } })
  } else if (kind === 5) archive(sim, random)
  else if (kind === 6) atOnce(sim, random)
  else {
    const project = random.pick(records.list('projects')).id
    records.create('project-contacts', { relationships: { project }, attributes: { name: text } })
  }
}

const cleared = (random: Random): Record<string, null> => ({
  [random.pick(['client', 'rate-table', 'payment-term', 'sales-executive'])]: null,
})

function archive({ records }: Simulator, random: Random): void {
  const type = random.pick(['services', 'phases', 'vendors', 'projects'])
  const all = records.list(type)
  if (all.length > 0)
    records.update(type, random.pick(all).id, { attributes: { active: random.pick([null, false, true]) } })
}

/** A bulk update gives many records one time of change. */
function atOnce({ records }: Simulator, random: Random): void {
  const at = new Date().toISOString()
  for (const { id } of records.list('projects')) {
    if (random.chance(0.7))
      records.update('projects', id, {
        attributes: { 'updated-at': at, 'out-of-scope': `bulk ${random.between(0, 1e6)}` },
      })
  }
}

// --- what happens here ---

const EDITED = { vendors: 'city', clients: 'domain' } as const

interface Edit {
  readonly type: keyof typeof EDITED
  readonly id: string
  readonly value: string
}

/** Edits some rows, makes one, and sends all of it, while ScopeStack answers as it likes. */
async function editAndPush({ sim, worker }: Account, random: Random): Promise<void> {
  const { sql } = worker
  const edits: Edit[] = []
  for (const type of ['vendors', 'clients'] as const) {
    const rows = await sql<{ id: string }[]>`
      select id from scopestack.${sql(type)} where sync_deleted_at is null and id not like 'local-%' order by id`
    for (const { id } of some(random, rows, 0.15)) edits.push({ type, id, value: `value ${random.between(0, 1e9)}` })
  }
  for (const { type, id, value } of edits)
    await sql`update scopestack.${sql(type)} set ${sql(EDITED[type])} = ${value} where id = ${id}`
  const name = `Vendor ${random.between(0, 1e9)}`
  if (random.chance(0.5)) await sql`insert into scopestack.vendors (name) values (${name})`

  const own = await editsUnderWay(sql)
  const before = remoteOf(sim, own)
  // A server that fails at what is asked about an edit ends the push, and the edit waits.
  await worker.push().catch((error: unknown) => {
    if (!(error instanceof SyncError)) throw error
  })
  expect(remoteOf(sim, own), 'records without an edit').toEqual(before)
  for (const { type, id, value } of edits) {
    const change = (await readChanges(sql, ['state'], { resource: type, recordId: id })).at(-1)
    const there = sim.records.read(type, id)?.attributes[EDITED[type]]
    if (change?.state === 'sent') expect({ type, id, there }).toEqual({ type, id, there: value })
  }
  for (const made of [name, ...own.names]) {
    expect(named(sim, made).length, 'a new row arrives once').toBeLessThanOrEqual(1)
  }
}

interface UnderWay {
  /** `type id` */
  readonly records: ReadonlySet<string>
  /** Of new rows. */
  readonly names: ReadonlySet<string>
}

/** Those of earlier rounds among them: an edit waits while a push fails. */
async function editsUnderWay(sql: Database): Promise<UnderWay> {
  const open = await readChanges(sql, ['resource', 'recordId', 'op', 'attributes'], { isOpen: true })
  const names = open.filter(({ op }) => op === 'create').map(({ attributes }) => String(attributes['name']))
  return {
    records: new Set(open.map(({ resource, recordId }) => `${resource} ${recordId}`)),
    names: new Set(names),
  }
}

const named = ({ records }: Simulator, name: string) =>
  records.list('vendors').filter(({ attributes }) => attributes['name'] === name)

/** What no edit is about. */
const remoteOf = (sim: Simulator, { records, names }: UnderWay) =>
  (['vendors', 'clients'] as const).flatMap((type) =>
    sim.records
      .list(type)
      .filter(({ id, attributes }) => !names.has(String(attributes['name'])) && !records.has(`${type} ${id}`))
      .map((record) => structuredClone(record)),
  )

// --- what is held against what ---

const isUnsent = (sim: Simulator, { type }: Resource): ((column: Column) => boolean) => {
  const refused = sim.switches().refusedIncludes[type] ?? []
  return ({ member, from }) => from !== 'attribute' && refused.includes(member)
}

function isWithheld(sim: Simulator, type: string): boolean {
  const { withheldAttributes, withheldRelationships } = sim.switches()
  const names = [...(withheldAttributes[type] ?? []), ...(withheldRelationships[type] ?? [])]
  return names.length > 0 && sim.records.list(type).length > 0
}

async function expectEqual(
  { sim, worker }: Account,
  outcomes: readonly ResourceOutcome[],
  { whole, ever }: { whole: boolean; ever: ReadonlySet<string> },
): Promise<void> {
  for (const { resource: type, outcome } of outcomes) {
    if (outcome !== 'ok') continue
    const resource = worker.catalog.get(type)!
    const unsent = isUnsent(sim, resource)
    const column = (one: Column): boolean => unsent(one) || ever.has(`${type} ${one.member}`)
    const edited = await editedRows(worker.sql, type)
    const found = await unequal(worker.sql, sim, resource, { deleted: !whole, column })
    const wrong = found.filter(({ id }) => !edited.has(id))
    expect(wrong.slice(0, 5), `${type} is ok, and differs`).toEqual([])
  }
}

/** Rows whose edits are on their way, new ones among them. */
async function editedRows(sql: Database, type: string): Promise<ReadonlySet<string>> {
  const changes = await readChanges(sql, ['recordId', 'op', 'isOpen'], { resource: type })
  return new Set(changes.filter(({ op, isOpen }) => isOpen || op === 'create').map(({ recordId }) => recordId))
}

const shown = (outcomes: readonly ResourceOutcome[]): string =>
  outcomes.map(({ resource, outcome, message }) => `${resource} ${outcome} ${message ?? ''}`).join('\n')

/** What was learned is looked at again as if days had gone by. */
const daysLater = ({ worker }: Account) => learnedAgo(worker.sql, '8 days')

async function story(seed: number): Promise<void> {
  const random = createRandom(seed)
  await using account = await openAccount({
    projects: 10,
    seed,
    pageSize: random.between(4, 20),
    concurrency: random.between(1, 4),
    deleteLimit: 100,
    profile: random.pick(['help-pages', 'library'] as const),
  })
  const { sim, worker } = account
  // For the whole of the story: what a filter means does not change from day to day, and an address in another form is
  // another address, of which no time of change tells.
  const activeDefault = random.pick(['not-archived', 'active', 'all'] as const)
  // Else a record whose flag is null is in no list that can be asked for.
  const emptyFilterValue = activeDefault === 'active' ? 'null' : random.pick(['null', 'nothing'] as const)
  sim.setSwitches({ signedAddresses: random.chance(0.5), activeDefault, emptyFilterValue })
  CALM = { ...sim.switches() }
  await worker.run(TYPES, {})
  /** Keys that some server of this story did not include: their values may be old. */
  const ever = new Set<string>()
  for (let round = 0; round < ROUNDS; round++) {
    const answers = anyAnswers(random, sim)
    sim.setSwitches(answers)
    for (const [type, names] of Object.entries(answers.refusedIncludes ?? {}))
      for (const name of names) ever.add(`${type} ${name}`)
    // Pages that a lying ETag hides are found by the reading that transfers them all, once a week.
    const hides = sim.switches().etags !== 'right'
    if (hides || random.chance(0.5)) await daysLater(account)
    for (let count = random.between(0, 6); count > 0; count--) happens(sim, random)
    if (random.chance(0.7)) await editAndPush(account, random)
    const changes = await worker.run(TYPES, { changesOnly: true })
    await expectEqual(account, changes.outcomes, { whole: false, ever })
    if (hides) await daysLater(account)
    const all = await worker.run(TYPES, {})
    await expectEqual(account, all.outcomes, { whole: true, ever })
    const silent = all.outcomes.filter(({ resource, outcome }) => outcome === 'ok' && isWithheld(sim, resource))
    expect(shown(silent), 'ok, though ScopeStack withholds what it had sent').toBe('')
    const before = new Map(changes.outcomes.map((one) => [one.resource, one]))
    const again = all.outcomes.filter(
      ({ outcome, resource }) => outcome === 'ok' && before.get(resource)?.outcome === 'ok',
    )
    const written = again.filter(({ updated, inserted }) => updated + inserted > 0)
    expect(shown(written), 'written again by a reading of everything').toBe('')
  }
  sim.setSwitches(CALM)
  await daysLater(account)
  const last = await worker.run(TYPES, {})
  expect(shown(last.outcomes.filter(({ outcome }) => outcome !== 'ok')), 'calm at last').toBe('')
  await expectEqual(account, last.outcomes, { whole: true, ever: new Set() })
}

test(
  'a run that ends ok holds what the server has, whatever it responded',
  () => trySeeds(story, { first: FIRST, long: STORIES }),
  LONG ? STORIES * 120_000 : 300_000,
)
