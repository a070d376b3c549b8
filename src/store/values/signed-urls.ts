/**
 * Signed URLs: the address of a file in a storage service, signed anew in every response and valid for some minutes. Two of
 * them are equal when they name the same document, so they are compared without the signature. The newest is stored, since
 * an older one may have expired.
 *
 * They are recognized by their form, in a text, in a list, inside JSON or HTML. A parameter that is mistaken for a signature
 * costs little: the value is still kept up to date, and only does not count as a change.
 */

/** The text without signatures in its URLs; the same string if it has none. */
export function stripSignatures(text: string): string {
  if (!mayBeSigned(text)) return text
  // A run of characters that a URL may have. The pattern is linear: no character is read twice.
  return text.replace(/[^\s"'<>\\^`{|}]+/g, (word) => withoutSignature(withoutDigest(word)))
}

/** Few rows have a signed URL, so this test must cost nearly nothing. */
const mayBeSigned = (text: string): boolean =>
  (text.includes('?') && HINT.test(text)) || (text.includes('--') && RAILS_DIGEST.test(text))

/** Also where the URL is itself a parameter of another: `?url=https%3A%2F%2F…%3Ftoken%3D…`. */
const HINT =
  /(?:[?&;]|%3f|%26)[\w.-]{0,24}(?:token|sig|expir|hash|hmac|auth|jwt|hdn|x-amz-|x-goog-|x-oss-|q-ak|verify)/i
const RAILS_DIGEST = /--[0-9a-f]{40}/

/** Without hyphens and underscores, in lower case. */
const SIGNATURE: ReadonlySet<string> = new Set(
  (
    'signature sig sign signed hmac hash token accesstoken authtoken idtoken sessiontoken securitytoken downloadtoken ' +
    'filetoken urltoken jwt auth authorization expires expire expiry expiration expiresat expiresin validuntil policy ' +
    'credential nonce keypairid hashalgorithm awsaccesskeyid googleaccessid ossaccesskeyid qak qsignature qsigntime ' +
    'qkeytime qsignalgorithm qheaderlist qurlparamlist hdnea hdnts hdntl verify'
  ).split(' '),
)
const SIGNATURE_PREFIX = /^x-(?:amz|goog|oss|obs|cos)-/i

/**
 * Names that are too short to count by themselves: those of a shared access signature (Azure), which has a `sig`, and times and
 * keys beside a signature.
 */
const BESIDE: ReadonlySet<string> = new Set(
  (
    'sv ss srt sp se st spr sr sip skoid sktid skt ske sks skv sdd saoid suoid scid ses ts timestamp exp iat kid keyid ' +
    'keyname urlprefix algorithm alg ex is hm'
  ).split(' '),
)
const ENTAILS: ReadonlySet<string> = new Set(['signature', 'sig', 'sign', 'hmac', 'hm', 'token', 'hash'])

function withoutSignature(word: string): string {
  const from = word.indexOf('?')
  if (from < 0) return word
  const end = word.indexOf('#', from)
  const query = end < 0 ? word.slice(from + 1) : word.slice(from + 1, end)
  const all = query.split('&').map((parameter) => ({ parameter, name: nameOf(parameter) }))
  const entailed = all.some(({ name }) => ENTAILS.has(plain(name)))
  const isSignature = (name: string): boolean =>
    SIGNATURE.has(plain(name)) || SIGNATURE_PREFIX.test(name) || (entailed && BESIDE.has(plain(name)))
  const kept = all.filter(({ name }) => !isSignature(name)).map(({ parameter }) => withoutInner(parameter))
  const base = word.slice(0, from)
  return `${base}${kept.length === 0 ? '' : `?${kept.join('&')}`}${end < 0 ? '' : word.slice(end)}`
}

/** In HTML, `&` is `&amp;`. */
const nameOf = (parameter: string): string => parameter.split('=', 1)[0]!.replace(/^amp;/, '')

const plain = (name: string): string => name.replaceAll(/[-_]/g, '').toLowerCase()

/** A URL that is the value of a parameter. */
function withoutInner(parameter: string): string {
  if (!/%3f/i.test(parameter)) return parameter
  try {
    const at = parameter.indexOf('=') + 1
    const inner = decodeURIComponent(parameter.slice(at))
    const left = stripSignatures(inner)
    return left === inner ? parameter : parameter.slice(0, at) + encodeURIComponent(left)
  } catch {
    return parameter
  }
}

/** Parts of a URL that Rails has signed: `eyJfcmFpbHMi…--9f86d0…`, as in the blob ids of ActiveStorage. */
function withoutDigest(word: string): string {
  if (!word.includes('--')) return word
  return word
    .split(/([/?&#])/)
    .map((part, index, all) => {
      const end = part.lastIndexOf('--')
      if (end < 1 || !/^[0-9a-f]{40,128}$/.test(part.slice(end + 2))) return part
      const start = index > 0 && '?&'.includes(all[index - 1]!) ? part.indexOf('=') + 1 : 0
      return part.slice(0, start) + signedBy(part.slice(start, end))
    })
    .join('')
}

/** The signed content, without its expiry. Content that cannot be decoded counts as it is. */
function signedBy(message: string): string {
  try {
    const text = Buffer.from(decodeURIComponent(message), 'base64').toString()
    const { _rails: signed } = JSON.parse(text) as { _rails?: Record<string, unknown> }
    if (typeof signed !== 'object' || signed === null) return message
    const { exp: _, ...rest } = signed
    return JSON.stringify(rest)
  } catch {
    return message
  }
}
