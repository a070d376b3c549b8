/** Finds the regular expressions of a source file, and those that take more than linear time. */
import { createContext, Script } from 'node:vm'

export const LENGTH = 20_000
/**
 * Limit of CPU time for one text: a linear one takes 0.05, a quadratic one 32 or more, whatever the load. What is slow is slow each
 * time: the engine may collect garbage in between, and at a load of 50 a linear one was seen to take 75 once.
 */
const LINEAR_MS = 12
const TRIALS = Array.from({ length: 5 })
/** A cubic one would never return. */
const HANGS_MS = 3_000

/** Texts of each repeated unit of the literal, with each possible beginning, and an end that cannot match. */
export function attack(literal: string): 'withstood' | 'gave in' {
  const end = literal.lastIndexOf('/')
  const pattern = literal.slice(1, end)
  // What repeats nothing without end is linear by construction, and a literal may stand in several files.
  if (!/[*+{]/.test(pattern)) return 'withstood'
  const known = attacked.get(literal)
  if (known !== undefined) return known
  const result = attackRepeating(pattern, literal.slice(end + 1))
  attacked.set(literal, result)
  return result
}

const attacked = new Map<string, 'withstood' | 'gave in'>()

function attackRepeating(pattern: string, flags: string): 'withstood' | 'gave in' {
  const regex = new RegExp(pattern, flags)
  const pieces = piecesOf(pattern)
  const heads = new Set(['', ...pieces.filter((piece) => piece.length === 1).slice(0, 3), ...pieces.slice(0, 2)])
  const texts = [...heads].flatMap((head) =>
    pieces.flatMap((piece) => {
      const row = piece.repeat(Math.ceil(LENGTH / piece.length))
      return ['\0', ' ', '#', `\n${head}`].map((tail) => head + row + tail)
    }),
  )
  const takesLong = (text: string): boolean => {
    const before = process.threadCpuUsage().user
    // So that an unanchored one is tried at each position.
    text.replace(regex, '')
    return process.threadCpuUsage().user - before > LINEAR_MS * 1000
  }
  const slow = (): boolean => texts.some((text) => TRIALS.every(() => takesLong(text)))
  try {
    return new Script('slow()').runInContext(createContext({ slow }), { timeout: HANGS_MS }) === true
      ? 'gave in'
      : 'withstood'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    return 'gave in'
  }
}

/** Letters, and runs of letters, of the literal; of a class, one or two members. */
function piecesOf(pattern: string): string[] {
  const plain = pattern
    .replaceAll(/\\[dD]/g, '0')
    .replaceAll(/\\[wW]/g, 'a_')
    .replaceAll(/\\[sS]/g, ' \t')
    .replaceAll(/\\[pP]\{\w+\}/g, 'a')
    .replaceAll(/\\[nrtb]/g, '\n')
    .replaceAll('\\', '')
  const runs = plain.match(/[\w.?"'@/:-]{2,}/g) ?? []
  const letters = plain.split('').filter((letter) => !'()[]{}|^$*+'.includes(letter))
  // A word alone, and with each unit that can follow it repeatedly.
  const words = runs.toSorted((a, b) => b.length - a.length).slice(0, 4)
  const rows = words.flatMap((word) => ['?', '@', '_', ' '].map((behind) => word + behind))
  return [...new Set([...letters.slice(0, 16), '0', 'a', ' ', ...runs.slice(0, 6), ...rows])]
}

const TOKENS = {
  skipped: /\s+|#![^\n]*|\/\/[^\n]*|\/\*[^]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/y,
  literal: /\/(?![*/])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y,
  text: /(?:[^`\\$]|\\[^]|\$(?!\{))*/y,
  other: /\w+|[^\w\s]/y,
}

/** A slash begins one where a value is expected, and is a division after a value. */
export function literalsIn(source: string): string[] {
  const literals: string[] = []
  /** For each open template, the number of open braces in its expression. */
  const open: number[] = []
  let at = 0
  let before = ''
  const take = (kind: keyof typeof TOKENS): string | undefined => {
    TOKENS[kind].lastIndex = at
    const text = TOKENS[kind].exec(source)?.[0]
    at += text?.length ?? 0
    return text
  }
  /** The text of a template, to its end or to an expression. */
  const passText = (): void => {
    take('text')
    if (source[at] === '$') open.push(0)
    at += source[at] === '$' ? 2 : 1
    before = ')'
  }
  while (at < source.length) {
    const skipped = take('skipped')
    if (skipped !== undefined) {
      if (/^['"]/.test(skipped)) before = ')'
      continue
    }
    const literal = /^(?:|[(,=:[!&|?{};<>]|return|throw|typeof|void|await|yield|else|of|in|case)$/.test(before)
      ? take('literal')
      : undefined
    const text = literal ?? take('other')!
    before = literal === undefined ? text : ')'
    if (literal !== undefined) literals.push(literal)
    else if (text === '`') passText()
    else if (text === '{' && open.length > 0) open[open.length - 1]!++
    else if (text === '}' && open.length > 0 && open[open.length - 1]!-- === 0) {
      open.pop()
      passText()
    }
  }
  return literals
}
