/** The resource files that discover writes are programs, so they are imported and compared. */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { defineResource, type Column, type Kind, type Resource } from '../../../src/catalog/resource.ts'
import type { Finding } from '../../../src/sync/discover/difference.ts'
import { emptySource, writeFindings } from '../../../src/sync/discover/source.ts'

const ROOT = join(import.meta.dirname, '../../..')
const require = createRequire(import.meta.url)
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scopestack-sync-discover-'))
  await mkdir(join(folder, 'src/resources'), { recursive: true })
  await mkdir(join(folder, 'src/catalog'), { recursive: true })
  await writeFile(join(folder, 'src/catalog/resource.ts'), `export * from '${join(ROOT, 'src/catalog/resource.ts')}'\n`)
  await copyFile(join(ROOT, '.oxfmtrc.json'), join(folder, '.oxfmtrc.json'))
})

afterAll(() => rm(folder, { recursive: true }))

/** As the registry loads it. */
async function load(name: string, text: string): Promise<Resource> {
  const path = join(folder, 'src/resources', `${name}.ts`)
  await writeFile(path, text)
  return (require(path) as { default: Resource }).default
}

const sourceOf = (type: string): Promise<string> => readFile(join(ROOT, 'src/resources', `${type}.ts`), 'utf8')

const attribute = (member: string, suggests: Kind | null): Finding => ({
  kind: 'attribute',
  member,
  suggests,
  carried: 2,
  told: 2,
})
const end = (member: string, shape: 'to-one' | 'to-many', ...types: string[]): Finding => ({
  kind: 'relationship',
  member,
  shape,
  types,
})

const of = (columns: readonly Column[], from: Column['from']): Column[] =>
  columns.filter((column) => column.from === from)

/** The members alone: descriptions and options that a person added are not discovered. */
/** That an attribute is an id of another record is declared by a person: responses do not show it. */
const membersOf = ({ columns }: Resource) =>
  columns.map(({ member, from, kind, target }) => ({
    member,
    from,
    kind,
    target: from === 'attribute' ? undefined : target,
  }))

it.each([...catalog])(
  '%s: keeps its whole declaration, and adds the members that were found',
  async (type, resource) => {
    const source = await sourceOf(type)
    expect(writeFindings(source, resource, [])).toEqual({ text: source, closed: [] })

    const findings = [
      attribute('new-attribute', 'decimal'),
      end('new-end', 'to-one', 'clients'),
      end('new-ends', 'to-many', 'tags'),
    ]
    const { text, closed } = writeFindings(source, resource, findings)
    expect(closed).toEqual(findings)
    const comments = source.split('\n').filter((line) => line.trim().startsWith('//'))
    expect(text.split('\n').filter((line) => line.trim().startsWith('//'))).toEqual(comments)

    const { columns } = resource
    const expected = [
      ...of(columns, 'attribute'),
      { name: 'new_attribute', member: 'new-attribute', from: 'attribute', kind: 'decimal', target: undefined },
      ...of(columns, 'to-one'),
      { name: 'new_end_id', member: 'new-end', from: 'to-one', kind: 'text', target: 'clients' },
      ...of(columns, 'to-many'),
      { name: 'new_ends_ids', member: 'new-ends', from: 'to-many', kind: 'texts', target: 'tags' },
    ]
    const written = await load(type, text)
    expect(written).toMatchObject({ ...resource, columns: expected, include: written.include })
    expect(Object.keys(written)).toEqual(Object.keys(resource))
  },
)

it.each([...catalog])('%s: can be written from its members alone', async (type, resource) => {
  const findings = resource.columns.map(({ member, from, kind, target }) =>
    from === 'attribute' ? attribute(member, kind) : end(member, from, target!),
  )
  const bare = defineResource(type, { comment: resource.comment, confidence: 'low', attributes: {} })
  const { text, closed } = writeFindings(emptySource(bare), bare, findings)
  expect(closed).toEqual(findings)
  const written = await load(`new-${type}`, text)
  expect(written).toMatchObject({ type, comment: resource.comment })
  expect(membersOf(written)).toEqual(membersOf(resource))
})

describe('a written resource file', () => {
  const bare = defineResource('things', {
    comment: "One row per thing, the owner's.",
    confidence: 'low',
    read: { from: 'list', path: 'our-things' },
    attributes: {},
  })

  it('declares the path of a list if it is not the type', async () => {
    expect(await load('our-things', emptySource(bare))).toEqual(bare)
  })

  it('names the column of a member whose own name is taken, or not usable as one', async () => {
    // Postgres' system columns, in both spellings of a member, are not usable either.
    const system = ['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']
    const others = ['id', 'a-b', 'a_b', 'sync-hash', '2fa', 'owner-id', 'x?', 'x', `l${'o'.repeat(80)}ng`, 'thing-ids']
    const members = [...others, ...system, 'ctid?']
    const findings = [
      ...members.map((member) => attribute(member, member === 'owner-id' ? 'text' : 'json')),
      end('owner', 'to-one', 'users'),
    ]
    const { text, closed } = writeFindings(emptySource(bare), bare, findings)
    expect(closed).toHaveLength(findings.length)
    const { columns } = await load('columns', text)
    expect(columns.map(({ member }) => member)).toEqual([...members, 'owner'])
    expect(columns.map(({ name }) => name)).toEqual(
      [
        'id_value',
        'a_b',
        'a_b_value',
        'sync_hash_value',
        'x_2fa_value',
        'owner_id',
        'x',
        'x_value',
        `l${'o'.repeat(49)}_value`,
        'thing_ids_value',
        ...system.map((name) => `${name}_value`),
        'ctid_2_value',
        'owner_end_id',
      ].with(3, 'x_sync_hash_value'),
    )
  })

  it('leaves out what discover cannot know, and names that are not plain words', () => {
    const left = [
      attribute('empty', null),
      attribute(`'}, x: process.exit() //`, 'text'),
      attribute('line\nbreak', 'text'),
      attribute('__proto__', 'text'),
      end('nothing-known', 'to-one'),
      end('several', 'to-many', 'users', 'teams'),
      end('strange', 'to-one', `users', ''), y: to('`),
      { kind: 'relationship', member: 'links', shape: null, types: [] } satisfies Finding,
      { kind: 'gone', member: 'name', shape: 'attribute' } satisfies Finding,
      { kind: 'refused', member: 'include=lob' } satisfies Finding,
    ]
    expect(writeFindings(emptySource(bare), bare, left)).toEqual({ text: emptySource(bare), closed: [] })
  })

  it('widens a kind, declares a relationship, and imports only the functions it calls', async () => {
    const resource = catalog.get('phases')!
    const findings: Finding[] = [
      { kind: 'misfit', member: 'position', declared: 'integer', suggests: 'decimal', misfits: 1, values: 1 },
      { kind: 'misfit', member: 'active', declared: 'boolean', suggests: 'text', misfits: 1, values: 1 },
      { kind: 'end', member: 'account', shape: 'to-one', declared: 'accounts', types: ['companies'] },
    ]
    const { text, closed } = writeFindings(await sourceOf('phases'), resource, findings)
    expect(closed).toEqual(findings)
    expect(text).toMatch(/^import \{ decimal, defineResource, text, to \} from/)
    const { columns } = await load('widened', text)
    expect(columns.filter(({ member }) => ['position', 'active', 'account'].includes(member))).toMatchObject([
      { member: 'active', kind: 'text' },
      { member: 'position', kind: 'decimal', comment: 'Order of the phases, 1 first.' },
      { member: 'account', target: 'companies' },
    ])
    const narrower: Finding = {
      kind: 'misfit',
      member: 'name',
      declared: 'text',
      suggests: 'json',
      misfits: 1,
      values: 1,
    }
    expect(writeFindings(text, resource, [narrower]).closed).toEqual([])
  })

  it('is formatted as by the formatter, whatever the length of a line', async () => {
    const lengths = Array.from({ length: 100 }, (_, at) => 'm'.repeat(at + 1))
    const findings = [
      ...lengths.flatMap((name) => [attribute(name, 'timestamp'), attribute(`${name}-id`, 'json')]),
      ...lengths.map((name) => end(`${name}-e`, 'to-one', name)),
      ...lengths.map((name) => end(`${name}-f`, 'to-many', 'project-subservices')),
    ]
    await load('lengths', writeFindings(emptySource(bare), bare, findings).text)
    const check = promisify(execFile)(join(ROOT, 'node_modules/.bin/oxfmt'), ['--check'], { cwd: folder })
    await expect(
      check.then(
        () => 'formatted',
        ({ stdout }: { stdout: string }) => stdout,
      ),
    ).resolves.toBe('formatted')
  })
})
