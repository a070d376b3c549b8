/** Parts of sentences. */

/** What is named in the middle of a sentence, at its beginning. */
export const capitalized = (what: string): string => what[0]!.toUpperCase() + what.slice(1)

export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`
