/**
 * The declaration of a resource at its last complete read. A column declared since is empty, and an incremental read would
 * fill it for changed records only: so the next read is a full one, whatever kind the run is.
 */
import { createHash } from 'node:crypto'
import type { Resource } from '../../catalog/resource.ts'
import type { ListRequest } from '../../remote/pages/page.ts'
import { ROW_FORMAT } from '../../store/mirror/digest.ts'
import type { Capabilities } from '../../store/progress/known.ts'

const NAME = 'declaration'

/** Everything in the catalog that rows depend on. */
const declarationDigest = ({ table, aliases, columns }: Resource): string =>
  createHash('sha1')
    .update(
      JSON.stringify([
        table,
        aliases,
        columns.map(({ name, member, from, kind, target, volatile }) => [name, member, from, kind, target, volatile]),
      ]),
    )
    .digest('base64')

export const isReadAsDeclared = (capabilities: Capabilities, resource: Resource): boolean =>
  capabilities.get(NAME)?.value === declarationDigest(resource)

/** To be saved at the end of a complete read. */
export const declarationOf = (resource: Resource) => ({ [NAME]: declarationDigest(resource) })

/** The next read has to be a full one. */
export const forgetDeclaration = (capabilities: Capabilities): Promise<void> => capabilities.forget(NAME)

/** Changes with the request and the declaration: pages cached under another digest are not used. */
export const requestDigest = (request: ListRequest | null, resource: Resource): string =>
  createHash('sha1')
    .update(JSON.stringify([ROW_FORMAT, request, declarationDigest(resource)]))
    .digest('base64')
