import { expect, test } from 'vitest'
import { startCollector, type ReceivedSpan } from '../../support/network/otlp.ts'
import { ended, KINDS, openUnattended } from '../support/unattended.ts'

test.concurrent.for(KINDS)(
  'a run is one trace, down to each request, whichever process does the work (%s)',
  async (kind) => {
    await using setting = await openUnattended(kind)
    await using collector = await startCollector()
    const { sim, start } = setting
    sim.addFault({ kind: '503', match: { type: 'clients' }, count: 1 })
    sim.addFault({ kind: '404', match: { type: 'tags' }, count: 'always' })
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, SYNC_RESOURCES: 'clients,tags', SYNC_TAKEOVER: '60' }
    const processes = kind === 'postgres' ? [start(env, 'scheduler'), start(env, 'worker')] : [start(env)]
    await ended(setting)
    for (const { kill } of processes) kill('SIGTERM')
    await Promise.all(processes.map(({ run }) => run))

    const byId = new Map(collector.spans.map((span) => [span.spanId, span]))
    const above = (span: ReceivedSpan): string[] => {
      const parent = byId.get(span.parentSpanId ?? '')
      return parent === undefined ? [span.name] : [...above(parent), span.name]
    }
    const [run] = collector.spans.filter(({ name }) => name === 'run')
    expect(run).toMatchObject({
      service: 'scopestack-sync',
      attributes: { 'scopestack.run': 1, 'scopestack.kind': 'full' },
    })
    const ofLists = collector.spans.filter(
      ({ name, attributes }) => name === 'GET' && /\/(clients|tags)$/.test(String(attributes['url.path'])),
    )
    for (const span of ofLists) {
      expect(span.traceId).toBe(run!.traceId)
      const names = above(span)
      expect(names[0]).toBe('run')
      expect(names.slice(-3)).toEqual(['resource', 'page', 'GET'])
    }
    expect(ofLists.map(({ attributes }) => attributes['http.response.status_code'])).toEqual(
      expect.arrayContaining([200, 404, 503]),
    )
    const outcomes = collector.spans
      .filter(({ name, attributes }) => name === 'resource' && 'scopestack.outcome' in attributes)
      .map(({ attributes }) => `${attributes['scopestack.resource']} ${attributes['scopestack.outcome']}`)
    expect(outcomes.sort()).toEqual(['clients ok', 'tags failed'])
    expect(collector.spans.filter(({ name }) => /Stalled|extendLocks/.test(name))).toEqual([])
    const everything = collector.bodies.join('\n')
    expect(everything).not.toMatch(/page(\[|%5B)|\?|bearer/i)
    for (const secret of [sim.credentials.clientId, sim.credentials.clientSecret])
      expect(everything).not.toContain(secret)
  },
)
