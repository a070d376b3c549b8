/** What a survey holds when it is read: its responses with the members of their questions, and recommendations. */
import { idOf, type Fields, type Linkage, type Rec, type Records } from '../records/records.ts'

/** Responses are written as [{question-id, question, answer}] and read back with the question's own members (API notes §2). */
export function expandResponses(records: Records, toOne: Record<string, Linkage>, written: unknown): unknown {
  if (!Array.isArray(written)) return []
  const questionnaire = records.get('questionnaires', idOf(toOne['questionnaire']) ?? '')
  const questions = fieldsIn(questionnaire?.attributes['questions'])
  return (written as unknown[]).map((entry, at) => {
    const response: Fields = typeof entry === 'object' && entry !== null ? { ...entry } : {}
    const question = questions.find(({ id }) => String(id) === String(response['question-id']))
    const ofQuestion = (name: string, absent: unknown): unknown => question?.[name] ?? absent
    return {
      name: ofQuestion('name', null),
      slug: ofQuestion('slug', null),
      question: response['question'] ?? ofQuestion('question', null),
      answer: response['answer'] ?? null,
      'value-type': ofQuestion('value-type', 'text'),
      position: ofQuestion('position', at + 1),
      required: ofQuestion('required', false),
      'survey-response-id': at + 1,
      'question-id': ofQuestion('id', null),
      'select-options': ofQuestion('select-options', []),
    }
  })
}

const fieldsIn = (value: unknown): readonly Fields[] => (Array.isArray(value) ? (value as Fields[]) : [])

/** One recommendation per question answered with a number: a raw snake_case row (API notes §2). */
export function recommend(survey: Rec, services: readonly Rec[], now: string): Fields[] {
  const rows: Fields[] = []
  for (const response of fieldsIn(survey.attributes['responses'])) {
    const count = Number(response['answer'])
    const service = services[rows.length % Math.max(services.length, 1)]
    if (!Number.isFinite(count) || count <= 0 || service === undefined) continue
    rows.push({
      id: rows.length + 1,
      survey_id: Number(survey.id),
      questionnaire_recommendation_id: rows.length + 1,
      target_type: 'Service',
      target_id: Number(service.id),
      resource_id: Number(idOf(service.toOne['resource']) ?? 0),
      quantity: count.toFixed(1),
      status: 'pending',
      created_at: now,
      updated_at: now,
      project_resource_id: null,
      uuid: `00000000-0000-4000-8000-${String(Number(survey.id) * 100 + rows.length).padStart(12, '0')}`,
      item_id: null,
    })
  }
  return rows
}
