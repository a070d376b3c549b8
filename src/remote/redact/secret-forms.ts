/** In which shapes a secret comes back: as it is, and as the formats it may be quoted in write it. */

/** Without repetition; most shapes of a token of letters and digits are the token itself. */
export function formsOf(secret: string): readonly string[] {
  const json = inJson(secret)
  const encoded = encodeURIComponent(secret)
  // HTTP Basic carries them encoded (RFC 6749 §2.3.1), and as they are by those who do not know that.
  const carried = [secret, encoded, formEncoded(secret)]
  const quoted = [
    ...carried,
    encodeURIComponent(encoded),
    json,
    json.replaceAll('/', String.raw`\/`),
    // Rails writes these three so, Python and PHP whatever is not ASCII.
    json.replaceAll(/[<>&]/g, codeUnit),
    json.replaceAll(/[^\x20-\x7e]/g, codeUnit),
    secret.replaceAll(/[&<>"']/g, (char) => ENTITIES[char]!),
  ]
  const all = [
    ...quoted,
    // In a member of a document, which may itself be quoted in one.
    ...quoted.map(inJson),
    Buffer.from(secret).toString('hex'),
    ...carried.flatMap(inBase64),
  ]
  return [...new Set(all)].filter((form) => form !== '')
}

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1)

/** Case does not matter to who compares, so `%2B` stands for `%2b` as well. */
const formEncoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1)

const codeUnit = (char: string): string => String.raw`\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * Three bytes are four characters, so what stands before it (`Bearer `, `id:`) decides in which of three ways it is
 * written. The characters at its ends that its neighbours have a part in are left out: a few bits of one byte.
 */
function inBase64(text: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(text)])
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3))
    const rest = bytes.length % 3
    const begin = before === 0 ? 0 : before + 1
    // Of the last bytes, the characters that no following byte has a part in.
    const tail =
      rest === 0
        ? ''
        : bytes
            .subarray(bytes.length - rest)
            .toString('base64url')
            .slice(0, rest)
    const written = (whole.toString('base64url') + tail).slice(begin)
    return [written, written.replaceAll('-', '+').replaceAll('_', '/')]
  })
}
