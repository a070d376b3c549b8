/**
 * Sends a part of a page to all who have it open, as server-sent events, when it has changed. One loop makes it for all, and
 * only while there is a reader.
 */
import type { Html } from './pages/text.ts'

export interface Live {
  /** Null where too many are open: the page asks again later. */
  open(): Response | null
  /** For tests. */
  readonly readers: number
}

interface Options {
  /** Between two looks; asked after each. */
  readonly everyMs: () => number
  /** Fewer than the server's connections: the others are for requests, and /healthz is one of them. */
  readonly most: number
  /** Of a stream: then the page opens another, which shows whether its session still lasts. */
  readonly longestMs: number
  /** Of other such, whose readers take connections, too. */
  readonly others: () => number
  /** What is shown does not change any more: the last of it is sent, and the streams end. */
  readonly isOver: () => boolean
}

const SECOND_MS = 1_000
const USUAL: Options = {
  everyMs: () => SECOND_MS,
  most: 96,
  longestMs: 10 * 60_000,
  others: () => 0,
  isOver: () => false,
}

/** A proxy closes a connection that is silent for a minute, and a silent one that is dead is found by writing to it. */
const SILENT_MS = 15_000

interface Reader {
  readonly controller: ReadableStreamDefaultController<Uint8Array>
  readonly until: number
  sent: string | undefined
  sentAt: number
}

/** @param render what it throws is its own to show. */
export function createLive(render: () => Promise<Html>, options: Partial<Options> = {}): Live {
  const { everyMs, most, longestMs, others, isOver } = { ...USUAL, ...options }
  const readers = new Set<Reader>()
  const encoder = new TextEncoder()
  let loop: Promise<void> | undefined

  const send = (reader: Reader, text: string): void => {
    try {
      reader.controller.enqueue(encoder.encode(text))
      reader.sentAt = performance.now()
    } catch {
      // It closed meanwhile.
      readers.delete(reader)
    }
  }

  const end = (reader: Reader): void => {
    readers.delete(reader)
    reader.controller.close()
  }

  const turn = async (): Promise<void> => {
    const content = String(await render())
    const last = isOver()
    for (const reader of readers) {
      const now = performance.now()
      if (now > reader.until) end(reader)
      // One that does not keep up gets the next one.
      else if ((reader.controller.desiredSize ?? 0) <= 0) continue
      else if (content !== reader.sent) {
        reader.sent = content
        send(reader, `data: ${content.replaceAll('\n', '\ndata: ')}\n\n`)
      } else if (last) end(reader)
      else if (now - reader.sentAt > SILENT_MS) send(reader, ':\n\n')
    }
  }

  const run = async (): Promise<void> => {
    while (readers.size > 0) {
      await turn()
      await new Promise((resolve) => setTimeout(resolve, everyMs()).unref())
    }
    loop = undefined
  }

  return {
    get readers() {
      return readers.size
    },
    open() {
      if (readers.size + others() >= most) return null
      let mine: Reader | undefined
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          mine = { controller, until: performance.now() + longestMs, sent: undefined, sentAt: performance.now() }
          readers.add(mine)
          loop ??= run()
        },
        cancel() {
          if (mine !== undefined) readers.delete(mine)
        },
      })
      return new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
    },
  }
}

export interface Lives {
  /** @param topic who opens the same has the same reader. Null where too many are open. */
  open(
    topic: string,
    render: () => Promise<Html>,
    options?: Pick<Partial<Options>, 'isOver' | 'everyMs'>,
  ): Response | null
  /** Of all topics. */
  readonly readers: number
}

/** The first screen and runs that go on, within one limit. */
export function createLives(): Lives {
  const topics = new Map<string, Live>()
  const readers = (): number => [...topics.values()].reduce((sum, one) => sum + one.readers, 0)
  return {
    get readers() {
      return readers()
    },
    open(topic, render, given = {}) {
      for (const [name, one] of topics) if (one.readers === 0) topics.delete(name)
      const live: Live = topics.get(topic) ?? createLive(render, { ...given, others: () => readers() - live.readers })
      topics.set(topic, live)
      return live.open()
    },
  }
}
