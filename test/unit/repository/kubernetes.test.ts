/** docs/kubernetes.yaml by the schema of Kubernetes, and by what the program needs of it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { VARIABLES } from '../../../src/config/variables.ts'
import { installed, testWith } from '../../support/process/installed.ts'

const TEXT = await readFile(join(import.meta.dirname, '../../../docs/kubernetes.yaml'), 'utf8')

interface Schema {
  readonly validate: ((data: unknown) => boolean) & { errors?: { instancePath: string; keyword: string }[] | null }
}

const schema = await installed<Schema>('kubernetes-models/_schemas/IoK8sApiAppsV1Deployment')

testWith(schema)('it is a Deployment as Kubernetes knows it, and the check would see what is not', () => {
  const { validate } = schema!
  const problems = (text: string): string[] => {
    const unread = new Set<string>()
    validate(watched(parse(text), '', unread))
    return [...(validate.errors ?? []).map(({ instancePath, keyword }) => `${instancePath} ${keyword}`), ...unread]
  }
  expect(problems(TEXT)).toEqual([])
  for (const [right, wrong, said] of [
    ["value: '30'", 'value: 30', '/spec/template/spec/containers/0/env/0/value type'],
    ['replicas: 2', 'replicas: two', '/spec/replicas type'],
    ['failureThreshold: 30', 'failureTreshold: 30', '/spec/template/spec/containers/0/startupProbe/failureTreshold'],
    ['{ type: RuntimeDefault }', 'RuntimeDefault', '/spec/template/spec/securityContext/seccompProfile type'],
  ] as const) {
    expect(TEXT).toContain(right)
    expect(problems(TEXT.replace(right, wrong))).toContain(said)
  }
})

test('it runs as any user but root, with nothing that it does not need', () => {
  const { spec } = (parse(TEXT) as { spec: { template: { spec: Pod } } }).spec.template
  expect(spec.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
  const [container] = spec.containers
  expect(container!.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  // Alive is who answers; the database is a matter of readiness.
  expect([container!.startupProbe, container!.livenessProbe].map(({ httpGet }) => httpGet.path)).toEqual([
    '/healthz',
    '/healthz',
  ])
  expect(container!.readinessProbe.httpGet.path).toBe('/readyz')
  const grace = container!.env.find(({ name }) => name === 'SYNC_GRACE')
  expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(Number(grace!.value))
  const known = Object.keys(VARIABLES).flatMap((name) => [name, `${name}_FILE`])
  expect(container!.env.map(({ name }) => name).filter((name) => !known.includes(name))).toEqual([])
})

interface Probe {
  readonly httpGet: { readonly path: string }
}

interface Pod {
  readonly terminationGracePeriodSeconds: number
  readonly securityContext: unknown
  readonly containers: readonly {
    readonly env: readonly { readonly name: string; readonly value?: string }[]
    readonly securityContext: unknown
    readonly startupProbe: Probe
    readonly livenessProbe: Probe
    readonly readinessProbe: Probe
  }[]
}

/** The schema allows unknown members; those are what the validation never looks at. */
function watched(value: unknown, path: string, unread: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value
  const members = new Map(Object.entries(value).map(([key, inner]) => [key, watched(inner, `${path}/${key}`, unread)]))
  for (const key of members.keys()) unread.add(`${path}/${key}`)
  return new Proxy(value, {
    get(target, key) {
      if (typeof key === 'string') unread.delete(`${path}/${key}`)
      return typeof key === 'string' && members.has(key) ? members.get(key) : Reflect.get(target, key)
    },
  })
}
