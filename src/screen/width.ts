/** How many columns a text takes on a terminal. */

let segmenter: Intl.Segmenter | undefined

/** Made when it is needed first: it takes 10 ms, and most texts are plain. */
const graphemes = (text: string): Intl.Segments =>
  (segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' })).segment(text)

/** Drawn over two columns: East Asian letters, full-width forms, and emoji. */
const WIDE =
  /^(?:[\p{sc=Han}\p{sc=Hangul}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Yi}\p{sc=Bopomofo}\p{Emoji_Presentation}\u3000-\u303e\u3200-\u33ff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|\p{Emoji}\ufe0f)/u
/** Half-width forms of the same scripts. */
const HALF = /^[\uff61-\uffdc\uffe8-\uffee]/
/** Combining marks are drawn over the character before them. */
const NOTHING = /^[\p{Mn}\p{Me}]+$/u
// eslint-disable-next-line no-control-regex
const PLAIN = /^[\x20-\x7e]*$/

/** @param text one line, escaped (visible.ts). */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes(text)) width += widthOfOne(segment)
  return width
}

const widthOfOne = (grapheme: string): number =>
  NOTHING.test(grapheme) ? 0 : WIDE.test(grapheme) && !HALF.test(grapheme) ? 2 : 1

/** Cut to so many columns, with an ellipsis. */
export function clipped(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  let used = 0
  for (const { segment } of graphemes(text)) {
    used += widthOfOne(segment)
    if (used > width - 1) break
    kept += segment
  }
  return `${kept}…`
}

export const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))

export const padStart = (text: string, width: number): string => ' '.repeat(Math.max(0, width - widthOf(text))) + text
