import { defineResource, json, text, timestamp, to } from '../catalog/resource.ts'

export default defineResource('surveys', {
  comment:
    'One row per survey, a questionnaire answered. Joins projects by project_id, questionnaires by questionnaire_id.',
  confidence: 'high',
  writes: ['create'],
  attributes: {
    name: text('Name of the survey.', { writable: true }),
    'contact-name': text('Person asked to answer; null when no person is named.'),
    'contact-email': text('E-mail address of that person; null when unset.'),
    responses: json('Answers: array of {question-id, question, answer, survey-response-id, …}.', { writable: true }),
    recommendations: json('What the answers recommend: array of {target_type, target_id, quantity, status, …}.'),
    'updated-at': timestamp('When the survey last changed.'),
    'created-at': timestamp('When the survey was created.'),
    status: text('State of the survey; calculating while it is worked out, others are not documented.'),
    emails: text('E-mail addresses the survey was sent to; null or empty when not sent.'),
    sender: text('Who sent it; null or empty when not sent.'),
    'sent-at': timestamp('When it was sent; null when it was not.'),
    calculations: json('Results calculated from the answers: array of {calculation_id, value}.'),
    // Sent as a JSON number; text, so that it joins.
    'user-id': text('User the survey belongs to (users.id); null when none is named.', { keyOf: 'users' }),
    'completed-by': text('Who finished the survey; null or empty while it is open.'),
  },
  toOne: {
    account: to('accounts', 'Account the survey belongs to, by its slug.', { writable: true }),
    questionnaire: to('questionnaires', 'Questionnaire the survey is made from.', { writable: true }),
    project: to('projects', 'Project the survey is for.', { writable: true }),
    'project-survey': to(
      'project-surveys',
      'Link between project and survey that ScopeStack keeps (project_surveys.id).',
    ),
  },
  // survey-responses, survey-recommendations: their ids are inside `responses` and `recommendations`; asking for them
  // too would send every answer twice.
})
