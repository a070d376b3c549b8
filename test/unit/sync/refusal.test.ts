/** What a refusal means in columns (API notes §6). */
import { expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { problemsOf } from '../../../src/sync/push/refusal.ts'

const projects = catalog.get('projects')!
const errors = (...all: object[]) => JSON.stringify({ errors: all })

it.each<[string, string, string | null, string]>([
  [
    'an attribute by its pointer',
    errors({ detail: 'is invalid', source: { pointer: '/data/attributes/msa-date' } }),
    'msa_date',
    'is invalid',
  ],
  [
    'an underscored one',
    errors({ detail: 'is invalid', source: { pointer: '/data/attributes/project_name' } }),
    'project_name',
    'is invalid',
  ],
  [
    'what lies inside of one',
    errors({ title: 'is invalid', source: { pointer: '/data/attributes/project-variables/2/value' } }),
    'project_variables',
    'is invalid',
  ],
  [
    'a relationship',
    errors({ detail: 'must exist', source: { pointer: '/data/relationships/client' } }),
    'client_id',
    'must exist',
  ],
  [
    'the end of one',
    errors({ detail: 'must exist', source: { pointer: '/data/relationships/client/data' } }),
    'client_id',
    'must exist',
  ],
  [
    'a parameter',
    errors({ detail: 'is unknown', source: { parameter: 'project_name' } }),
    'project_name',
    'is unknown',
  ],
  [
    'the first word of a detail',
    errors({ title: 'has already been taken', detail: 'project-name - has already been taken' }),
    'project_name',
    'has already been taken',
  ],
  [
    'a title that says something else',
    errors({ title: 'Taken', detail: 'project-name - is in use' }),
    'project_name',
    'Taken: is in use',
  ],
  [
    'a member that is not allowed',
    errors({ title: 'Param not allowed', detail: 'project-name is not allowed.', code: '105' }),
    'project_name',
    'Param not allowed: project-name is not allowed.',
  ],
  ['a key', '{"errors":{"project_name":["is too long"]}}', 'project_name', 'is too long'],
  ['a foreign key', '{"client_id":["must exist"]}', 'client_id', 'must exist'],
  [
    'a full message of Rails',
    `{"errors":["Project name can't be blank"]}`,
    'project_name',
    "Project name can't be blank",
  ],
  ['one about a relationship', '{"error":"Client must exist"}', 'client_id', 'Client must exist'],
  ['plain text', 'Project name has already been taken', 'project_name', 'Project name has already been taken'],
  [
    'a sentence that begins with the same word',
    '{"error":"Client 7 of the account is locked"}',
    null,
    'Client 7 of the account is locked',
  ],
  ['the record as a whole', '{"errors":{"base":["Locked by an approval"]}}', null, 'Locked by an approval'],
  ['no member, by its pointer', errors({ title: 'Locked', source: { pointer: '/data' } }), null, 'Locked'],
  [
    'a member that has no column',
    errors({ title: 'is unknown', detail: 'colour - is unknown', source: { pointer: '/data/attributes/colour' } }),
    null,
    'colour - is unknown',
  ],
  ['a key that has no column', '{"errors":{"colour":["is unknown"]}}', null, 'colour is unknown'],
  [
    'a pointer alone',
    errors({ source: { pointer: '/data/attributes/project-name' } }),
    'project_name',
    'no reason was given',
  ],
])('%s', (_, body, column, message) => {
  expect(problemsOf(projects, body).problems).toMatchObject([{ column, message }])
})

it('all of them in one line, each with its column', () => {
  const body = errors(
    { title: 'has already been taken', detail: 'project-name - has already been taken' },
    { title: 'Locked.' },
    { title: 'Param not allowed', detail: 'status is not allowed.', code: '105' },
  )
  expect(problemsOf(projects, body).summary).toBe(
    'project_name has already been taken; Locked.; status: Param not allowed: status is not allowed',
  )
})

it.each<[string, string, string[]]>([
  ['by its code', errors({ title: 'Param not allowed', detail: 'status is not allowed.', code: '105' }), ['status']],
  [
    'by its code, and no column of ours',
    errors({ title: 'Param not allowed', detail: 'phone is not allowed.', code: '105' }),
    ['phone'],
  ],
  ['in words', '{"errors":["project-name is not allowed."]}', ['project_name']],
  ['none', errors({ title: 'is invalid', code: '100' }), []],
])('which members must not be written: %s', (_, body, columns) => {
  expect(problemsOf(projects, body).notWritable).toEqual(columns)
})
