/** Alters single responses between the client and the simulator, inside the process. */
import type { Client } from '../../../src/remote/client.ts'

export interface Altered {
  readonly status?: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

interface Alter {
  /** The response to a write that was done, in place of its own. */
  readonly write?: (answer: { readonly method: string; readonly body: string }) => Altered | undefined
  /** The body of a read, by its path. */
  readonly get?: (path: string, body: string) => string
}

/** A proxy in front of a simulator that rewrites its responses. */
export const altering =
  ({ write, get }: Alter, around: (client: Client) => Client = (client) => client) =>
  (client: Client): Client =>
    around({
      ...client,
      get: (path, parse, ...rest) =>
        client.get(path, (body, url, etag) => parse(get?.(path, body) ?? body, url, etag), ...rest),
      write: (request, parse, signal) =>
        client.write(
          request,
          (answer, url) => {
            const altered = write?.({ method: request.method, body: answer.body })
            return parse(
              altered === undefined ? answer : { ...answer, ...altered, headers: altered.headers ?? {} },
              url,
            )
          },
          signal,
        ),
    })
