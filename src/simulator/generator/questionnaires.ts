/** Generates questionnaires, and surveys with responses and recommendations. */
import type { Random } from '../records/random.ts'
import type { Fields, Rec } from '../records/records.ts'
import { type Builder, baseTime, day, instant } from './builder.ts'
import { maybe } from './texts.ts'
import { slug } from './words.ts'

const questionTexts = [
  ['How many sites?', 'number'],
  ['Which vendor is in place?', 'text'],
  ['Is there a maintenance window?', 'boolean'],
  ['How many users?', 'number'],
  ['When does support end?', 'date'],
] as const

export function makeQuestionnaires(builder: Builder): void {
  const { random } = builder
  for (const name of [
    'Network Discovery',
    'Security Baseline',
    'Cloud Readiness',
    'Wireless Survey',
    'Backup Review',
  ]) {
    const created = baseTime - random.between(200, 1000) * day
    const questions = questionTexts.map(([question, type], at) => {
      const row = builder.add('questions', {
        attributes: { question, slug: slug(question).replaceAll('-', '_'), position: at + 1 },
        toOne: {},
      })
      return {
        id: Number(row.id),
        question,
        name: row.attributes['slug'],
        slug: row.attributes['slug'],
        position: at + 1,
        'value-type': type,
        required: at < 2,
        settings: { max: '', min: '', step: '' },
        'select-options': [],
        // deleted questions stay in the array (API notes §8)
        'deleted-at': at === 3 && random.chance(0.6) ? instant(created + 30 * day) : null,
        uuid: random.uuid(),
        'questionnaire-section-id': at < 3 ? '1' : '2',
      }
    })
    builder.add('questionnaires', {
      attributes: {
        active: name !== 'Backup Review',
        name,
        published: random.chance(0.8),
        'created-at': instant(created),
        slug: slug(name),
        introduction: maybe(random, () => 'Answer with your **technical contact**.\r\nThis takes ten minutes.'),
        'thank-you': random.pick(['', null, 'Thank you!']),
        'completion-url': random.pick(['', null]),
        questions,
        sections: [
          { id: 1, name: 'General', expression: null, position: 1, introduction: null },
          { id: 2, name: 'Size', expression: 'site_count > 1', position: 2, introduction: '' },
        ],
        'tag-list': random.chance(0.5) ? ['network'] : [],
        teams: random.pick<unknown>([[], null]),
        description: random.pick([null, '', 'Asked before each design']),
      },
      toOne: {},
      toMany: { questions: questions.map(({ id }) => String(id)) },
    })
  }
}

export function makeSurveys(builder: Builder): void {
  const count = Math.max(3, Math.ceil(builder.projects / 3))
  for (let at = 0; at < count; at += 1) makeSurvey(builder, at)
}

interface Question {
  readonly id: number
  readonly question: string
  readonly slug: string
  readonly 'value-type': string
  readonly position: number
  readonly required: boolean
}

function makeSurvey(builder: Builder, at: number): void {
  const { random } = builder
  const questionnaire = builder.pick('questionnaires')
  const project = builder.pick('projects')
  const created = Math.min(
    Date.parse(String(project.attributes['created-at'])) + random.between(1, 20) * day,
    baseTime - day,
  )
  const completed = random.chance(0.7)
  const questions = questionnaire.attributes['questions'] as readonly Question[]
  const id = builder.reserveId('surveys')
  const responses = completed ? questions.map((question) => responseTo(random, id, question)) : []
  const service = builder.pick('services')
  const recommendations = completed ? [recommendation(random, id, service, instant(created))] : []
  const attributes = {
    name: `${String(questionnaire.attributes['name'])} ${String(at + 1)}`,
    'contact-name': random.pick(['Sample Contact', null]),
    'contact-email': random.pick(['contact@client.test', null]),
    responses,
    recommendations,
    'updated-at': instant(created + (completed ? 3 : 0) * day),
    'created-at': instant(created),
    status: completed ? random.pick(['calculated', 'applied']) : 'sent',
    emails: random.pick(['', null]),
    sender: random.pick(['', null]),
    'sent-at': random.chance(0.2) ? null : instant(created + 3_600_000),
    calculations: completed ? [{ calculation_id: 1, value: '3' }] : [],
    'user-id': random.chance(0.2) ? null : Number(builder.pick('users').id),
    'completed-by': completed ? 'Sample Contact' : '',
  }
  const toOne = {
    questionnaire: questionnaire.id,
    project: random.chance(0.1) ? null : project.id,
    'project-survey': null,
  }
  builder.add('surveys', { attributes, toOne }, id)
}

function responseTo(random: Random, survey: string, question: Question): Fields {
  const { id, question: text, slug: name, 'value-type': type, position, required } = question
  return {
    name,
    slug: name,
    question: text,
    answer: type === 'number' ? String(random.between(1, 40)) : random.pick(['yes', 'unknown', null]),
    'value-type': type,
    position,
    required,
    'survey-response-id': Number(survey) * 10 + position,
    'question-id': id,
    'select-options': [],
  }
}

/** A raw snake_case row (API notes §2). */
const recommendation = (random: Random, survey: string, service: Rec, time: string): Fields => ({
  id: Number(survey) * 10,
  survey_id: Number(survey),
  questionnaire_recommendation_id: 1,
  target_type: 'Service',
  target_id: Number(service.id),
  resource_id: Number(service.toOne['resource'] ?? 0),
  quantity: '2.0',
  status: random.pick(['pending', 'accepted']),
  created_at: time,
  updated_at: time,
  project_resource_id: null,
  uuid: random.uuid(),
  item_id: null,
  item_type: null,
  refinements: [],
})
