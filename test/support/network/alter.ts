import type { Client } from '../../../src/remote/client.ts'

export interface Altered {
  readonly status?: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

interface Alter {
  /** What a write that was done is answered with in the place of its answer. */
  readonly write?: (answer: { readonly method: string; readonly body: string }) => Altered | undefined
  /** The body of what is read, as it stands at a path. */
  readonly get?: (path: string, body: string) => string
}

/** The way to a simulator, whose answers are rewritten before anybody judges them. */
export const altering =
  ({ write, get }: Alter, around: (client: Client) => Client = (client) => client) =>
  (client: Client): Client =>
    around({
      ...client,
      get: (path, judge, ...rest) =>
        client.get(path, (body, url, etag) => judge(get?.(path, body) ?? body, url, etag), ...rest),
      write: (request, judge, signal) =>
        client.write(
          request,
          (answer, url) => {
            const altered = write?.({ method: request.method, body: answer.body })
            return judge(
              altered === undefined ? answer : { ...answer, ...altered, headers: altered.headers ?? {} },
              url,
            )
          },
          signal,
        ),
    })
