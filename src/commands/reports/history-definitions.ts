/** The reports on the past, which are made of versions (docs/history.md). */
import { ofProjects, ofRecords, type Report } from './report.ts'

export const HISTORY_REPORTS: readonly Report[] = [
  ofProjects('pipeline-history', ['day', 'stage', 'status'], {
    keys: ['day', 'stage', 'status', 'currency'],
    sums: ['projects', 'contract_revenue', 'contract_revenue_in_default_currency'],
    ratios: [],
    period: 'day',
    isState: true,
    order: 'day',
    measure: 'contract_revenue',
  }),
  ofRecords(
    'project-stages',
    ['project_id', 'status', 'entered_at', 'left_at', 'days', 'is_exact', 'next_status', 'contract_revenue'],
    { period: 'entered_at', order: 'entered_at', measure: 'days' },
  ),
  ofRecords(
    'stage-aging',
    ['project_name', 'status', 'days', 'is_exact', 'entered_at', 'contract_revenue', 'currency'],
    { period: 'entered_at', order: 'days', measure: 'days' },
  ),
  ofRecords(
    'stage-durations',
    [
      'status',
      'projects_now',
      'median_days_now',
      'p90_days_now',
      'stays_ended',
      'median_days_ended',
      'p90_days_ended',
      'stage',
    ],
    { order: '+stage', measure: 'median_days_ended' },
  ),
  ofRecords(
    'stage-conversion',
    ['from_status', 'to_status', 'moves', 'projects', 'share', 'median_days', 'first_at', 'last_at'],
    { order: 'moves', measure: 'moves' },
  ),
  ofRecords(
    'time-to-win',
    ['month', 'currency', 'projects', 'contract_revenue', 'median_days', 'p90_days', 'least_days', 'most_days'],
    { period: 'month', isState: true, order: 'month', measure: 'median_days' },
  ),
]
