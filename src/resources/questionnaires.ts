import { boolean, defineResource, json, text, texts, timestamp, to } from '../catalog/resource.ts'

export default defineResource('questionnaires', {
  comment: 'One row per questionnaire, the form a survey is made from. Joins surveys by questionnaire_id.',
  confidence: 'high',
  // Whether a list without filter[published] hides drafts is unknown, and so is whether it takes both values.
  completeFilters: { active: 'true,false' },
  filters: ['active', 'published', 'tag-list'],
  attributes: {
    active: boolean('False when the questionnaire is archived.', { writable: true }),
    name: text('Name of the questionnaire.', { writable: true }),
    published: boolean('False while the questionnaire is a draft.', { writable: true }),
    'created-at': timestamp('When the questionnaire was created.'),
    slug: text('Name of the questionnaire in web addresses.'),
    introduction: text('Text shown before the first question; null or empty when unset.'),
    'thank-you': text('Text shown after the last question; null or empty when unset.'),
    'completion-url': text('Address people are sent to at the end; null or empty when unset.'),
    questions: json('All questions: array of objects; a question with deleted-at set was removed from the form.'),
    sections: json('Sections the questions are grouped in: array of {id, name, position, introduction, expression}.'),
    'tag-list': texts('Tags put on the questionnaire, by name (tags.name).', { writable: true, nameOf: 'tags' }),
    // The elements were never seen: the list may hold names or objects.
    teams: json('Teams the questionnaire is meant for: array, possibly empty.'),
    description: text('Description of the questionnaire; not always sent.', { writable: true }),
  },
  // Nothing names the questionnaire from the other end; the include was seen used.
  toMany: {
    questions: to('questions', 'Questions of the questionnaire (ids of questions).'),
  },
})
