import { expect, it } from 'vitest'
import { catalog } from '../../../src/catalog/registry.ts'
import { addressesIn, listsOf, undeclaredLists } from '../../../src/sync/discover/openapi.ts'

it('finds the documents that a Swagger UI page refers to, on its own server only', () => {
  const page = `<script src="./swagger-ui-bundle.js"></script><script src="./swagger-initializer.js"></script>
    SwaggerUIBundle({ url: "v1/swagger.json?x=1", urls: [{"url":"/api-docs/v2/openapi.json","name":"v2"}] })
    var configObject = JSON.parse('{"urls":[{"url":"\\/rswag\\/v1.json"}]}')
    "https://elsewhere.example/swagger.json" '//elsewhere.example/openapi.json'`
  expect(addressesIn(page, '/docs/index.html')).toEqual([
    '/docs/swagger-initializer.js',
    '/docs/v1/swagger.json?x=1',
    '/api-docs/v2/openapi.json',
    '/rswag/v1.json',
  ])
  expect(addressesIn('<html>nothing</html>', '/')).toEqual([])
})

it('reads the lists from a document, whatever precedes them in the path', () => {
  const get = { get: {} }
  const document = {
    openapi: '3.0.1',
    paths: {
      '/{account-slug}/v1/clients': get,
      '/v1/project_services': get,
      '/api/v1/gizmos/': get,
      '/{account}/v1/clients/{id}': get,
      '/{account}/v1/projects/{id}/merge-data': get,
      '/v1/imports': { post: {} },
      '/v1/me': get,
      '/{slug}': get,
      '/v1': get,
    },
  }
  expect(listsOf(JSON.stringify(document))).toEqual(['clients', 'gizmos', 'me', 'project_services'])
  expect(undeclaredLists({ address: '/', lists: listsOf(JSON.stringify(document))! }, catalog)).toEqual(['gizmos'])
  expect(listsOf(JSON.stringify({ ...document, openapi: undefined, swagger: '2.0' }))).toHaveLength(4)
})

it('recognises what is not an OpenAPI document', () => {
  for (const body of ['', '<html>', '[]', '{"paths": {}}', 'null', '"openapi"']) expect(listsOf(body)).toBeUndefined()
  expect(listsOf('{"openapi": "3.1.0"}')).toEqual([])
})
