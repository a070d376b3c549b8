/**
 * Addresses that are signed anew at every reading: of a file in a storage service, good for some minutes. They are one
 * address as long as the same document is meant, so they are compared without what the signature consists of. The newest
 * is kept, since an older one may be good for nothing by now.
 *
 * Known by their shape, wherever they stand: in a text, in a list, inside JSON or HTML. Taking a parameter for a signature
 * that is none costs little: the value is kept up to date all the same, it only is no change.
 */

/** The same text with its addresses unsigned; the very same where it has none. */
export function stripSignatures(text: string): string {
  if (!mayBeSigned(text)) return text
  // A run of the characters that an address may have. Nothing is looked at twice, however long it is.
  return text.replace(/[^\s"'<>\\^`{|}]+/g, (word) => withoutSignature(withoutDigest(word)))
}

/** Hardly any row has such an address, and looking for it must cost nearly nothing. */
const mayBeSigned = (text: string): boolean =>
  (text.includes('?') && HINT.test(text)) || (text.includes('--') && RAILS_DIGEST.test(text))

/** Also where the address is itself the parameter of another: `?url=https%3A%2F%2F…%3Ftoken%3D…`. */
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
 * Names too short to mean anything by themselves: those of a shared access signature (Azure), which has a `sig`, and times
 * and keys that come with a signature.
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

/** An address that is the value of a parameter. */
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

/** Parts of an address that Rails has signed: `eyJfcmFpbHMi…--9f86d0…`, as ActiveStorage does with the ids of its blobs. */
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

/** What was signed, without the time until which it is good. Of what cannot be read all counts but the digest. */
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
