/**
 * OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT is set: run → resource → page → request, in one trace whichever processes did
 * the work, since BullMQ carries the context with each job. Sent as OTLP over HTTP, in JSON.
 *
 * What leaves is a list of names: BullMQ's own spans have the reasons of failures, which may quote an address with its query.
 */
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import type { Telemetry } from 'bullmq'
import { errorCodeOf } from '../errors/sync-error.ts'
import type { Tracing } from '../tracing.ts'

export interface OpenTracing {
  readonly tracing: Tracing
  /** For BullMQ. */
  readonly telemetry: Telemetry
  /** Sends what is left. */
  close(): Promise<void>
}

interface Settings {
  readonly endpoint: string
  readonly version: string
  /** This process's. */
  readonly instance: string
}

const SHOWN =
  /^(scopestack\..*|http\.(request\.method|response\.status_code)|server\.address|url\.path|error\.type|bullmq\.(queue(\.name)?|job\.(id|name)))$/

const NAME = 'scopestack-sync'
const CLOSE_MS = 3_000

export async function openTracing({ endpoint, version, instance }: Settings): Promise<OpenTracing> {
  const [
    api,
    { W3CTraceContextPropagator },
    sdk,
    { OTLPTraceExporter },
    { resourceFromAttributes },
    { AsyncLocalStorageContextManager },
    { BullMQOtel },
  ] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/core'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/context-async-hooks'),
    import('bullmq-otel'),
  ])
  const exporter = sendingOnlyShown(new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` }))
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({
      'service.name': NAME,
      'service.version': version,
      'service.instance.id': instance,
    }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter, exportTimeoutMillis: CLOSE_MS })],
  })
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  api.trace.setGlobalTracerProvider(provider)
  api.propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const tracer = provider.getTracer(NAME, version)
  return {
    tracing: {
      span: (name, attributes, act) =>
        tracer.startActiveSpan(name, { attributes }, async (span) => {
          try {
            return await act((facts) => span.setAttributes(facts))
          } catch (error) {
            span.setAttribute('error.type', errorCodeOf(error) ?? 'other')
            span.setStatus({ code: api.SpanStatusCode.ERROR })
            throw error
          } finally {
            span.end()
          }
        }),
    },
    telemetry: new BullMQOtel({ tracerName: NAME, version }),
    close: () => provider.shutdown().catch(() => {}),
  }
}

/** BullMQ's housekeeping, every few seconds, is of no run and no job. */
const isWork = ({ parentSpanContext, attributes }: ReadableSpan): boolean =>
  parentSpanContext !== undefined || !('bullmq.queue.name' in attributes) || 'bullmq.job.id' in attributes

function sendingOnlyShown(exporter: SpanExporter): SpanExporter {
  return {
    export(all, done) {
      const spans = all.filter(isWork)
      for (const { attributes, events, status } of spans) {
        for (const name of Object.keys(attributes)) if (!SHOWN.test(name)) delete attributes[name]
        events.length = 0
        delete status.message
      }
      if (spans.length === 0) done({ code: 0 })
      else exporter.export(spans, done)
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  }
}
