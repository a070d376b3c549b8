/** Spans of what `start` does. Without OTEL_EXPORTER_OTLP_ENDPOINT there are none, and nothing of OpenTelemetry is loaded. */

export type Facts = Readonly<Record<string, string | number>>

export interface Tracing {
  /**
   * Runs within a span, below the one that is open.
   *
   * @param act may note what it finds out. What it throws is noted by its code: messages may quote addresses.
   */
  span<T>(name: string, facts: Facts, act: (note: (facts: Facts) => void) => Promise<T>): Promise<T>
}

export const UNTRACED: Tracing = { span: (_name, _facts, act) => act(() => {}) }
