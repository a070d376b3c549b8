/** A token, as any client obtains one. */
export async function requestToken(): Promise<string> {
  const env = process.env
  const response = await fetch(`${env['SCOPESTACK_AUTH_URL']}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: env['SCOPESTACK_CLIENT_ID']!,
      client_secret: env['SCOPESTACK_CLIENT_SECRET']!,
    }),
  })
  if (!response.ok) throw new Error(`token: ${response.status} ${await response.text()}`)
  return ((await response.json()) as { access_token: string }).access_token
}
