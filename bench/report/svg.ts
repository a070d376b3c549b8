/**
 * Charts as small SVG files: horizontal bars, and lines. Their colours are of both a light and a dark page: what shows the picture
 * says which one it is.
 */

export interface Bar {
  readonly label: string
  readonly value: number
  /** What stands behind the bar. */
  readonly text: string
  readonly kind: Kind
}

type Kind = 'ours' | 'limit' | 'other'

export interface BarGroup {
  readonly label: string
  readonly bars: readonly Bar[]
}

export interface Line {
  readonly label: string
  readonly values: readonly number[]
}

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .small { font-size: 12px; fill: #59636e }
  .grid { stroke: #d1d9e0 }
  .goal { stroke: #59636e; stroke-dasharray: 5 4 }
  .ours { fill: #0a7d5a } .limit { fill: #8c959f } .other { fill: #c2681a }
  polyline { fill: none; stroke-width: 2.5 }
  .s0 { stroke: #0a7d5a } .s1 { stroke: #0969da } .s2 { stroke: #c2681a } .s3 { stroke: #8250df } .s4 { stroke: #bf3989 } .s5 { stroke: #59636e }
  .d0 { fill: #0a7d5a } .d1 { fill: #0969da } .d2 { fill: #c2681a } .d3 { fill: #8250df } .d4 { fill: #bf3989 } .d5 { fill: #59636e }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #3d444d } .goal { stroke: #9198a1 }
    .ours { fill: #2fb98a } .limit { fill: #6e7781 } .other { fill: #e08a3c }
    .s0 { stroke: #2fb98a } .s1 { stroke: #4493f8 } .s2 { stroke: #e08a3c } .s3 { stroke: #ab7df8 } .s4 { stroke: #e275ad } .s5 { stroke: #9198a1 }
    .d0 { fill: #2fb98a } .d1 { fill: #4493f8 } .d2 { fill: #e08a3c } .d3 { fill: #ab7df8 } .d4 { fill: #e275ad } .d5 { fill: #9198a1 }
  }`

const WIDTH = 760
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

const picture = (height: number, title: string, parts: readonly string[]): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>${STYLE}
</style>
<text class="title" x="8" y="22">${escaped(title)}</text>
${parts.join('\n')}
</svg>
`

const LABELS = 250
const ROOM = 120
const ROW = 24

/** @param about stands below the title: the unit, and which way is better. */
export function bars(title: string, about: string, groups: readonly BarGroup[]): string {
  const most = Math.max(...groups.flatMap((group) => group.bars.map(({ value }) => value)))
  const parts = [`<text class="small" x="8" y="41">${escaped(about)}</text>`]
  let y = 56
  for (const { label, bars: some } of groups) {
    if (label !== '') {
      parts.push(`<text class="small" x="8" y="${y + 14}">${escaped(label)}</text>`)
      y += ROW - 2
    }
    for (const bar of some) {
      const width = Math.max(1, Math.round(((WIDTH - LABELS - ROOM) * bar.value) / most))
      parts.push(
        `<text x="${LABELS - 8}" y="${y + 14}" text-anchor="end">${escaped(bar.label)}</text>`,
        `<rect class="${bar.kind}" x="${LABELS}" y="${y + 2}" width="${width}" height="16" rx="2"/>`,
        `<text class="small" x="${LABELS + width + 6}" y="${y + 14}">${escaped(bar.text)}</text>`,
      )
      y += ROW
    }
    y += 8
  }
  return picture(y, title, parts)
}

interface Lines {
  readonly title: string
  readonly about: string
  /** Of the points, from left to right, at equal distances. */
  readonly labels: readonly string[]
  readonly lines: readonly Line[]
  /** The highest value that is shown; the lowest is 0. */
  readonly top: number
  readonly goal?: number
}

const PLOT = { left: 48, right: 190, top: 60, height: 220 }

export function lines({ title, about, labels, lines: all, top, goal }: Lines): string {
  const width = WIDTH - PLOT.left - PLOT.right
  const x = (index: number): number =>
    PLOT.left + 20 + Math.round((index * (width - 40)) / Math.max(1, labels.length - 1))
  const y = (value: number): number => Math.round(PLOT.top + PLOT.height * (1 - Math.min(value, top) / top))
  const bottom = PLOT.top + PLOT.height
  const steps = [0, 0.25, 0.5, 0.75, 1].map((share) => share * top)
  const parts = [
    `<text class="small" x="8" y="41">${escaped(about)}</text>`,
    ...steps.flatMap((step) => [
      `<line class="grid" x1="${PLOT.left}" x2="${PLOT.left + width}" y1="${y(step)}" y2="${y(step)}"/>`,
      `<text class="small" x="${PLOT.left - 8}" y="${y(step) + 4}" text-anchor="end">${step}</text>`,
    ]),
    ...labels.map(
      (label, at) => `<text class="small" x="${x(at)}" y="${bottom + 20}" text-anchor="middle">${label}</text>`,
    ),
  ]
  if (goal !== undefined) {
    parts.push(
      `<line class="goal" x1="${PLOT.left}" x2="${PLOT.left + width}" y1="${y(goal)}" y2="${y(goal)}"/>`,
      `<text class="small" x="${PLOT.left + width + 8}" y="${y(goal) + 4}">goal ${goal}</text>`,
    )
  }
  all.forEach(({ label, values }, at) => {
    const points = values.map((value, index) => `${x(index)},${y(value)}`)
    const place = bottom - 18 * (all.length - 1 - at)
    parts.push(
      `<polyline class="s${at}" points="${points.join(' ')}"/>`,
      ...values.map((value, index) => `<circle class="d${at}" cx="${x(index)}" cy="${y(value)}" r="3.5"/>`),
      `<circle class="d${at}" cx="${PLOT.left + width + 14}" cy="${place - 4}" r="5"/>`,
      `<text x="${PLOT.left + width + 26}" y="${place}">${escaped(label)}</text>`,
    )
  })
  return picture(bottom + 36, title, parts)
}
