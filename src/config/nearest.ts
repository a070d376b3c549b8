/** Which of some words was meant by one that is none of them. */

/** Of the nearest, the first; undefined when none is within `atMost` edits. */
export function nearest(word: string, words: Iterable<string>, atMost = Infinity): string | undefined {
  let best: { readonly word: string; readonly edits: number } | undefined
  for (const one of words) {
    const edits = distance(word, one)
    if (edits <= atMost && (best === undefined || edits < best.edits)) best = { word: one, edits }
  }
  return best?.word
}

/** Edits of one letter, where two neighbours that changed places count as one (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let least = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1)
      next.push(least)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
