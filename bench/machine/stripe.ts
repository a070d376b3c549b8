/**
 * A look-alike of Stripe's list of customers, as small as stripe-sync-engine needs it: pages by `starting_after`, of records with
 * the texts of the plain list, 0.8 kB each. Its pages are prepared; it counts as the simulator does.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PlainRecord } from './simulate.ts'

export interface LookAlike {
  readonly url: string
  counts(): { readonly requests: number; readonly bytes: number }
  reset(): void
}

export async function startStripe(records: readonly PlainRecord[], latency: () => number): Promise<LookAlike> {
  const customers = records.map(customer)
  const texts = customers.map((one) => JSON.stringify(one))
  const places = new Map(customers.map(({ id }, index) => [id, index]))
  let [requests, bytes] = [0, 0]
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname !== '/v1/customers') {
      response.writeHead(404).end()
      return
    }
    const size = Number(searchParams.get('limit') ?? 10)
    const from = (places.get(searchParams.get('starting_after') ?? '') ?? -1) + 1
    const more = from + size < texts.length
    const body = Buffer.from(
      `{"object":"list","url":"/v1/customers","has_more":${more},"data":[${texts.slice(from, from + size).join(',')}]}`,
    )
    requests += 1
    bytes += body.length
    setTimeout(() => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
      response.end(body)
    }, latency())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => ({ requests, bytes }),
    reset() {
      requests = 0
      bytes = 0
    },
  }
}

const customer = ({ name, position, 'sow-language': text }: PlainRecord) => ({
  id: `cus_${String(position).padStart(14, '0')}`,
  object: 'customer',
  address: null,
  balance: position,
  created: 1_760_000_000 + position,
  currency: 'usd',
  default_source: null,
  delinquent: false,
  description: text,
  discount: null,
  email: `customer-${position}@example.test`,
  invoice_prefix: 'ABCDEF12',
  invoice_settings: { custom_fields: null, default_payment_method: null, footer: null, rendering_options: null },
  livemode: false,
  metadata: {},
  name,
  next_invoice_sequence: 1,
  phone: null,
  preferred_locales: [],
  shipping: null,
  tax_exempt: 'none',
})
