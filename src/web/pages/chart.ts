/** Bars as inline SVG, the oldest on the left. Its table is beside it, so a screen reader is given one sentence. */
import { html } from 'hono/html'
import type { Html } from './text.ts'

export interface Bar {
  readonly height: number
  readonly level: 'ok' | 'warn' | 'bad' | 'plain'
  /** Shown under the pointer. */
  readonly title: string
}

const WIDTH = 720
const HEIGHT = 120
/** A run without anything is seen, too. */
const LOWEST = 3

export function chart(label: string, unit: string, bars: readonly Bar[]): Html {
  if (bars.length === 0) return html``
  const most = Math.max(1, ...bars.map(({ height }) => height))
  const step = Math.min(24, WIDTH / bars.length)
  return html`<figure>
    <figcaption>${label}</figcaption>
    <svg
      viewBox="0 0 ${WIDTH} ${HEIGHT + 20}"
      role="img"
      aria-label="${label}: at most ${most.toLocaleString('en-US')} ${unit}"
    >
      <text x="0" y="10">${most.toLocaleString('en-US')} ${unit}</text>
      ${bars.map(({ height, level, title }, at) => {
        const tall = Math.max(LOWEST, Math.round((height / most) * (HEIGHT - 20)))
        return html`<rect
          class="${level}"
          x="${Math.round(at * step)}"
          y="${HEIGHT - tall}"
          width="${Math.max(2, Math.round(step) - 3)}"
          height="${tall}"
        >
          <title>${title}</title>
        </rect>`
      })}
    </svg>
  </figure>`
}

export const levelOf = (outcome: string | null): Bar['level'] => {
  if (outcome === null) return 'plain'
  if (outcome === 'ok' || outcome === 'absent') return 'ok'
  return outcome === 'failed' ? 'bad' : 'warn'
}
