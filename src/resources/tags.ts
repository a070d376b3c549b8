import { defineResource, text, to } from '../catalog/resource.ts'

export default defineResource('tags', {
  comment: 'One row per tag. Tables that can be tagged hold tag names in tag_list, not ids.',
  confidence: 'medium',
  attributes: {
    name: text('Name of the tag, as it stands in tag_list.'),
  },
  toOne: {
    account: to('accounts', 'Account the tag belongs to, by its slug.'),
  },
})
