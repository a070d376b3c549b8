import { defineResource, text, texts, timestamp, to } from '../catalog/resource.ts'

export default defineResource('project-approvals', {
  comment: 'One row per approval asked for on a project. Joins projects by project_id, users by user_id.',
  confidence: 'high',
  attributes: {
    status: text('Answer so far: optional, approved, declined or rescope; others may occur.'),
    role: text('Kind of approval, such as technical.'),
    comment: text('What the approver wrote; null when nothing.'),
    reason: text('Reason given for a refusal; null or empty when none.'),
    'completed-at': timestamp('When the approver answered; null while waiting.'),
    'approver-name': text('Name of the approver at the time.'),
    'lob-ids': texts('Older name of line_of_business_ids: lines of business the approval is about.'),
  },
  toOne: {
    project: to('projects', 'Project to approve.'),
    user: to('users', 'User who is asked to approve (users.id).'),
    'approval-step': to('approval-steps', 'Step of the approval workflow it belongs to.'),
  },
  namedKeys: {
    line_of_business_ids: {
      from: ['lob_ids'],
      type: 'lines-of-business',
      comment: 'Lines of business the approval is about (ids of lines_of_business).',
    },
  },
})
