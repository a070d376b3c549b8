/** Models of settings and questionnaires: variables, templates, tags, surveys. */
import { equals, flag, hasTag, many, model, never, one, seen, unsure } from './model.ts'

export const projectVariables = model('project-variables', {
  attributes: {
    active: unsure('boolean'),
    label: unsure('string'),
    name: unsure('string'),
    description: unsure('string?'),
    'variable-type': unsure('string'),
    minimum: unsure('number?'),
    maximum: unsure('number?'),
    required: unsure('boolean'),
    position: unsure('integer'),
    'variable-context': unsure('string'),
    'select-options': unsure('json'),
  },
  toOne: { account: one('accounts') },
  filters: { active: flag('active'), 'variable-context': equals('variable-context'), name: equals('name') },
})

export const documentTemplates = model('document-templates', {
  attributes: {
    active: seen('boolean'),
    name: seen('string'),
    format: seen('string'),
    'merge-template-filename': seen('string?'),
    'merge-template': unsure('text?'),
    'filename-format': seen('strings'),
    'template-format': seen('string'),
    'include-formatting': seen('boolean?'),
    teams: seen('json?'),
  },
  toOne: { account: one('accounts', 'seen') },
  // exact and case-sensitive (API notes §4)
  filters: { active: flag('active'), name: equals('name') },
  required: ['name'],
  unique: { attribute: 'name' },
})

export const languageFields = model('language-fields', {
  attributes: {
    active: unsure('boolean'),
    'sow-language': unsure('string'),
    name: unsure('string?'),
    label: unsure('string?'),
  },
  filters: { active: flag('active') },
})

export const tags = model('tags', {
  attributes: { name: unsure('string') },
  toOne: { account: one('accounts') },
})

export const questionnaires = model('questionnaires', {
  attributes: {
    active: seen('boolean'),
    name: seen('string'),
    published: seen('boolean'),
    'created-at': never('datetime'),
    slug: never('string'),
    introduction: unsure('text?'),
    'thank-you': unsure('text?'),
    'completion-url': unsure('string?'),
    questions: unsure('json'),
    sections: unsure('json'),
    'tag-list': seen('strings'),
    teams: unsure('json?'),
    description: seen('text?'),
  },
  toMany: { questions: many('questions') },
  filters: { active: flag('active'), published: flag('published'), 'tag-list': hasTag('tag-list') },
  required: ['name'],
})

export const surveys = model('surveys', {
  attributes: {
    name: seen('string'),
    'contact-name': unsure('string?'),
    'contact-email': unsure('string?'),
    responses: seen('json'),
    recommendations: never('json'),
    'updated-at': never('datetime'),
    'created-at': never('datetime'),
    status: never('string'),
    emails: unsure('string?'),
    sender: unsure('string?'),
    'sent-at': never('datetime?'),
    calculations: never('json'),
    'user-id': unsure('integer?'),
    'completed-by': unsure('string?'),
  },
  toOne: {
    account: one('accounts', 'seen'),
    questionnaire: one('questionnaires', 'seen'),
    project: one('projects', 'seen'),
    'project-survey': one('project-surveys'),
  },
  toMany: { 'survey-responses': many('survey-responses'), 'survey-recommendations': many('survey-recommendations') },
  required: ['name', 'questionnaire'],
})
