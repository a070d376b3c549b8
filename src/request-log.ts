/**
 * The last requests to ScopeStack of this process, for a person who asks what it does. No body, no header and so no token; of a
 * filter only its name, since its value may be a person's.
 */
export interface NotedRequest {
  readonly at: Date
  readonly method: string
  /** With its query, without the values of filters. */
  readonly path: string
  /** Null where no response came: then there is a code. */
  readonly status: number | null
  readonly code: string | null
  readonly ms: number
  /** Of the body, as text; null without a response. */
  readonly bytes: number | null
  /** 1, and more where it was repeated. */
  readonly attempt: number
  /** For its turn, and before a repetition. */
  readonly waitedMs: number
  /** Null where it is for nothing that runs or is sent: whose account it is. */
  readonly purpose: RequestPurpose | null
}

/** What a request is sent for. */
export interface RequestPurpose {
  /** Null of a local edit. */
  readonly runId: number | null
  readonly resource: string
}

export interface RequestLog {
  note(request: NotedRequest): void
  /** Those since the last call, as far as they are kept. */
  take(): NotedRequest[]
}

/** Of one process, between two times that they are saved. */
const KEPT = 200

export function createRequestLog(): RequestLog {
  let kept: NotedRequest[] = []
  return {
    note(request) {
      kept.push(request)
      if (kept.length > 2 * KEPT) kept = kept.slice(-KEPT)
    },
    take() {
      const taken = kept.slice(-KEPT)
      kept = []
      return taken
    },
  }
}
