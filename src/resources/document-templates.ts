import { boolean, defineResource, json, text, texts, to } from '../catalog/resource.ts'

export default defineResource('document-templates', {
  comment: 'One row per document template (a statement of work, for example). Joins projects by document_template_id.',
  confidence: 'high',
  completeFilters: { active: 'true,false' },
  filters: ['active', 'name'],
  writes: ['create', 'update'],
  naturalKey: ['name'],
  attributes: {
    active: boolean('False when the template is archived.', { writable: true }),
    name: text('Name of the template.', { writable: true }),
    format: text('Kind of template: word_template or tag_template.', { writable: true }),
    'merge-template-filename': text('Name of the uploaded template file; null when none is uploaded.', {
      writable: true,
    }),
    // Its shape was never seen filled: json takes a text as well as an object.
    'merge-template': json('Content of the template; may be large.'),
    'filename-format': texts('Parts of a generated file name in order, such as project_name.', { writable: true }),
    'template-format': text('Version of the merge fields the template uses: v1 or v2.', { writable: true }),
    'include-formatting': boolean('True when the formatting of rich text is kept in the document.', { writable: true }),
    teams: json('Teams the template is meant for: array, possibly empty.', { writable: true }),
  },
  toOne: {
    account: to('accounts', 'Account the template belongs to, by its slug.', { writable: true }),
  },
})
