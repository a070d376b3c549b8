#!/usr/bin/env node
/**
 * Asks the registry for known weaknesses of the packages in package-lock.json: one that is high or critical fails, whether the
 * package ships or is for development. A registry that answers no such question (many mirrors do not) fails only with --required,
 * as for a release.
 */
import { execFile } from 'node:child_process'

const required = process.argv.includes('--required')
const fetching = ['--fetch-timeout=30000', '--fetch-retries=1']
const text = await new Promise((resolve) => {
  execFile(
    'npm',
    ['audit', '--json', '--package-lock-only', ...fetching],
    { maxBuffer: 1e8, timeout: 120_000 },
    (_, stdout) => resolve(stdout),
  )
})

let report = {}
try {
  report = JSON.parse(text)
} catch {
  // Whatever it printed is no report.
}
const counts = report.metadata?.vulnerabilities
if (counts === undefined) {
  console.log(`The registry did not say whether packages have known weaknesses (${report.message ?? 'no answer'}).`)
  process.exit(required ? 1 : 0)
}
const grave = Object.values(report.vulnerabilities).filter(
  ({ severity }) => severity === 'high' || severity === 'critical',
)
console.log(
  `Known weaknesses of packages: ${counts.critical} critical, ${counts.high} high, ${counts.moderate} moderate, ${counts.low} low.`,
)
for (const { name, severity, via, fixAvailable } of grave) {
  const why = via.map((one) => (typeof one === 'string' ? `through ${one}` : `${one.title} (${one.url})`)).join('; ')
  console.log(
    `${severity}: ${name}: ${why}. ${fixAvailable ? 'npm audit fix mends it.' : 'There is no mended version.'}`,
  )
}
process.exit(grave.length > 0 ? 1 : 0)
