/** Models of what belongs to a project: phases, locations, contacts, documents, approvals. */
import { flag, linked, model, never, one, seen, unsure } from './model.ts'

export const projectPhases = model('project-phases', {
  scope: 'project',
  attributes: {
    active: unsure('boolean'),
    name: unsure('string'),
    'sow-language': unsure('string?'),
    position: unsure('integer'),
  },
  toOne: { project: one('projects'), phase: one('phases') },
  filters: { project: linked('project'), active: flag('active') },
})

export const projectLocations = model('project-locations', {
  scope: 'project',
  attributes: {
    name: seen('string'),
    street: seen('string?'),
    street2: seen('string?'),
    city: seen('string?'),
    state: seen('string?'),
    'postal-code': seen('string?'),
    country: seen('string?'),
    remote: seen('boolean'),
    'project-variables': seen('variables'),
  },
  toOne: { project: one('projects', 'seen') },
  filters: { project: linked('project') },
  required: ['name', 'project'],
  unique: { attribute: 'name', within: 'project' },
  context: 'service_location',
})

export const projectContacts = model('project-contacts', {
  scope: 'project',
  attributes: {
    active: seen('boolean'),
    name: seen('string'),
    title: seen('string?'),
    email: seen('string?'),
    phone: seen('string?'),
    'contact-type': seen('string'),
    'project-variables': seen('variables'),
  },
  toOne: { project: one('projects', 'seen') },
  filters: { project: linked('project') },
  required: ['name', 'project'],
  context: 'project_contact',
})

export const projectDocuments = model('project-documents', {
  scope: 'project',
  attributes: {
    status: never('string'),
    'error-text': never('string?'),
    'document-url': never('string?'),
    'template-id': seen('string'),
    'template-name': never('string?'),
    'document-type': seen('string'),
    'generate-pdf': seen('boolean'),
    'force-regeneration': seen('boolean'),
    'created-at': never('datetime'),
    'updated-at': never('datetime'),
  },
  toOne: { project: one('projects', 'seen') },
  filters: { project: linked('project') },
  required: ['project'],
})

export const projectApprovals = model('project-approvals', {
  scope: 'project',
  attributes: {
    status: never('string'),
    role: never('string?'),
    comment: never('text?'),
    reason: never('string?'),
    'completed-at': never('datetime?'),
    'approver-name': never('string?'),
    'lob-ids': never('strings'),
  },
  toOne: { project: one('projects'), user: one('users'), 'approval-step': one('approval-steps') },
  actions: ['approve', 'decline', 'rescope', 'cancel'],
})
