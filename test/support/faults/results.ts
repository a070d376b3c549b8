/** The results of a run of the fault matrix, which docs/faults.md shows: FAULTS_RESULTS=FILE keeps them, a line each. */
import { appendFileSync } from 'node:fs'
import { nameOf, type Trial } from './names.ts'

/** Notes how the operation ended, or that a guarantee did not hold. */
export async function noted(major: string, trial: Trial, act: () => Promise<string>): Promise<void> {
  const file = process.env['FAULTS_RESULTS']
  const note = (outcome: string, why?: string): void => {
    if (file !== undefined) appendFileSync(file, `${JSON.stringify({ major, trial: nameOf(trial), outcome, why })}\n`)
  }
  const outcome = await act().catch((error: unknown) => {
    note('FAILED', String(error).slice(0, 500))
    throw error
  })
  note(outcome)
}
