#!/usr/bin/env node
/**
 * Prints the software bill of materials of what ships, as CycloneDX 1.5: every package that runs, with version, licence, origin and
 * SHA-512.
 *
 * It is npm's own, of all packages, and what is only for development is left out here by package-lock.json: with --omit=dev npm leaves out
 * every package that something for development uses as well, undici among them. npm takes the name of the program from its folder; here
 * it is that of package.json.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const ask = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only']
const sbom = JSON.parse(
  execFileSync('npm', ask, { encoding: 'utf8', maxBuffer: 1e8, stdio: ['ignore', 'pipe', 'inherit'] }),
)
const { name, packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'))

const shipped = Object.entries(packages).flatMap(([path, { dev, devOptional, version }]) =>
  path === '' || dev || devOptional ? [] : [`${path.slice(path.lastIndexOf('node_modules/') + 13)}@${version}`],
)
const refs = new Set([sbom.metadata.component['bom-ref'], ...shipped])
sbom.metadata.component.name = name
sbom.components = sbom.components.filter((one) => refs.has(one['bom-ref']))
sbom.dependencies = sbom.dependencies
  .filter(({ ref }) => refs.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) }))
process.stdout.write(`${JSON.stringify(sbom, null, 2)}\n`)
