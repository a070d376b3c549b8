/** The encodings in which a secret may be quoted: as it is, and as JSON, URLs, HTML, hex and Base64 write it. */

/** Without duplicates: of a token of letters and digits most forms are the token itself. */
export function formsOf(secret: string): readonly string[] {
  const json = inJson(secret)
  const encoded = encodeURIComponent(secret)
  // HTTP Basic carries them encoded (RFC 6749 §2.3.1), but some clients send them as they are.
  const carried = [secret, encoded, formEncoded(secret)]
  const quoted = [
    ...carried,
    encodeURIComponent(encoded),
    json,
    json.replaceAll('/', String.raw`\/`),
    // Rails escapes these three, Python and PHP all that is not ASCII.
    json.replaceAll(/[<>&]/g, codeUnit),
    json.replaceAll(/[^\x20-\x7e]/g, codeUnit),
    secret.replaceAll(/[&<>"']/g, (char) => ENTITIES[char]!),
  ]
  const all = [
    ...quoted,
    // JSON within JSON.
    ...quoted.map(inJson),
    Buffer.from(secret).toString('hex'),
    ...carried.flatMap(inBase64),
  ]
  return [...new Set(all)].filter((form) => form !== '')
}

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1)

/** The comparison ignores case, so `%2B` covers `%2b`. */
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
 * Three bytes become four characters, so the text before it (`Bearer `, `id:`) decides which of three encodings it gets. The
 * characters at its ends that also encode a neighbouring byte are left out.
 */
function inBase64(text: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(text)])
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3))
    const rest = bytes.length % 3
    const begin = before === 0 ? 0 : before + 1
    // The characters of the last bytes that encode no following byte.
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
