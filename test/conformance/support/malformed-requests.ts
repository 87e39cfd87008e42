import * as fc from 'fast-check';
import { z } from 'zod';

/** A request as it goes on the wire; `path` may hold what `fetch` would tidy up. */
export interface RawRequest {
  readonly kind: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: Readonly<Record<string, { readonly schema: object }>>;
  };
  readonly security?: readonly unknown[];
}

export interface Route {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** All operations of an OpenAPI document. */
export function routesOf(document: Readonly<Record<string, unknown>>): readonly Route[] {
  const paths = document['paths'] as Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  return Object.entries(paths).flatMap(([path, operations]) =>
    methods.flatMap((method) => {
      const operation = operations[method];
      return operation === undefined ? [] : [{ method: method.toUpperCase(), path, operation }];
    }),
  );
}

const segment = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }).map(encodeURIComponent);

/** Fills the parameters of a path with ids that name nothing. */
const fill = (path: string): fc.Arbitrary<string> => {
  const names = path.match(/\{[^}]+\}/g) ?? [];
  return fc
    .tuple(...names.map(() => segment.filter((text) => !/^\.{1,2}$/.test(text))))
    .map((values) => names.reduce((filled, name, index) => filled.replace(name, `none-${values[index] ?? ''}`), path));
};

const json = { 'content-type': 'application/json' };
const bodySchema = ({ operation }: Route): object | undefined =>
  operation.requestBody?.content['application/json']?.schema;

/** Values of every shape, and valid-looking objects with one field of another kind; what the schema takes is left out. */
function wrongBodies(schema: object): fc.Arbitrary<string> {
  const { properties = {} } = schema as { readonly properties?: Readonly<Record<string, unknown>> };
  const accepts = z.fromJSONSchema(schema as never);
  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom(null, -1, 1e308, '', 'a'.repeat(30_000), [[[[]]]]),
  );
  const object = fc.dictionary(fc.constantFrom(...Object.keys(properties), 'constructor', '$ref', ''), odd);
  return fc
    .oneof({ weight: 1, arbitrary: odd }, { weight: 4, arbitrary: object })
    .filter((value) => !accepts.safeParse(value).success)
    .map((value) => JSON.stringify(value));
}

function wrongBodyRequests(routes: readonly Route[]): readonly fc.Arbitrary<RawRequest>[] {
  return routes.flatMap((route) => {
    const schema = bodySchema(route);
    if (schema === undefined) return [];
    const { method } = route;
    const path = fill(route.path);
    return [
      fc.record({
        kind: fc.constant('wrong body'),
        method: fc.constant(method),
        path,
        headers: fc.constant(json),
        body: wrongBodies(schema),
      }),
      fc.record({
        kind: fc.constant('broken JSON'),
        method: fc.constant(method),
        path,
        headers: fc.constant(json),
        body: fc.constantFrom('{', '{"a":', 'undefined', "{'a':1}", '\u0000', '[1,]', '{"__proto__":{}}', 'NaN'),
      }),
      fc.record({
        kind: fc.constant('another content type'),
        method: fc.constant(method),
        path,
        headers: fc
          .constantFrom(
            'text/plain',
            'application/x-www-form-urlencoded',
            'multipart/form-data; boundary=x',
            'application/xml',
            'x',
            '',
          )
          .map((type) => ({ 'content-type': type })),
        body: fc.constantFrom('prompt=x', '{"prompt":"x"}', '<a/>'),
      }),
    ];
  });
}

/** Numbers that are none, or too large or small for every query that asks for one. */
const wrongNumber = fc.constantFrom('abc', '-1', '1.5', '1e400', 'NaN', '0x', '--', '%00', '1;2');

function wrongQueryRequests(routes: readonly Route[]): readonly fc.Arbitrary<RawRequest>[] {
  return routes.flatMap(({ method, path, operation }) =>
    (operation.parameters ?? [])
      .filter(({ in: place, schema }) => place === 'query' && (schema['type'] === 'integer' || 'enum' in schema))
      .map(({ name }) =>
        fc.record({
          kind: fc.constant('wrong query'),
          method: fc.constant(method),
          path: fc.tuple(fill(path), wrongNumber).map(([filled, value]) => `${filled}?${name}=${value}`),
          headers: fc.constant({}),
        }),
      ),
  );
}

const unknownPath: fc.Arbitrary<RawRequest> = fc.record({
  kind: fc.constant('unknown path'),
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH'),
  path: fc.oneof(
    fc.array(segment, { minLength: 1, maxLength: 6 }).map((parts) => `/api/nothing/${parts.join('/')}`),
    fc.constantFrom(
      '/%',
      '/%zz',
      '/%c0%af',
      '/..%2f..%2fetc%2fpasswd',
      '/api/../../etc/passwd',
      `/${'a/'.repeat(500)}`,
      '//x',
    ),
  ),
  headers: fc.constant({}),
});

const wrongMethod = (routes: readonly Route[]): fc.Arbitrary<RawRequest> => {
  const known = Map.groupBy(routes, ({ path }) => path);
  return fc.constantFrom(...known.entries()).chain(([path, operations]) => {
    const others = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter(
      (method) => !operations.some((operation) => operation.method === method),
    );
    return fc.record({
      kind: fc.constant('wrong method'),
      method: fc.constantFrom(...others),
      path: fill(path),
      headers: fc.constant({}),
    });
  });
};

/** Requests that are wrong in one way that the document tells, or that no server may take. */
export function malformedRequests(routes: readonly Route[]): fc.Arbitrary<RawRequest> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.oneof(...wrongBodyRequests(routes)) },
    { weight: 2, arbitrary: fc.oneof(...wrongQueryRequests(routes)) },
    { weight: 1, arbitrary: unknownPath },
    { weight: 2, arbitrary: wrongMethod(routes) },
  );
}
