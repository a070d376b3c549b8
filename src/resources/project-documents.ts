import { boolean, defineResource, text, timestamp, to } from '../catalog/resource.ts'

export default defineResource('project-documents', {
  comment:
    'One row per document generated for a project. Joins projects by project_id, document_templates by document_template_id.',
  confidence: 'high',
  filters: ['project'],
  writes: ['create'],
  byProject: { by: 'filter', filter: 'project' },
  attributes: {
    status: text('State of the generation: finished, error, or something else while it runs.'),
    'error-text': text('Why the generation failed; null when it did not.'),
    'document-url': text('Address of the file, signed and good for a short time only; null until finished.'),
    // May be a word instead of a number, so text even without the need to join.
    'template-id': text('Template used (as document_template_id), or the word pricing or breakdown, which is no key.', {
      writable: true,
      target: 'document-templates',
    }),
    'template-name': text('Name of the template at the time.'),
    'document-type': text('Kind of document: sow (statement of work), pricing or breakdown.', { writable: true }),
    'generate-pdf': boolean('True when a PDF was asked for.', { writable: true }),
    'force-regeneration': boolean('True when an earlier document of the kind was to be replaced.', { writable: true }),
    'created-at': timestamp('When the document was asked for.'),
    'updated-at': timestamp('When its state last changed.'),
  },
  toOne: {
    project: to('projects', 'Project the document is about.', { writable: true }),
  },
  namedKeys: {
    document_template_id: {
      from: ['template_id'],
      except: ['pricing', 'breakdown'],
      replaces: false,
      type: 'document-templates',
      comment: 'Template used; null where template_id has the word pricing or breakdown.',
    },
  },
})
