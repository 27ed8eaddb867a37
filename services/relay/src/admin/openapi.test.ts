import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { describeApi } from './openapi.ts';
import { ROUTES } from './routes/index.ts';

interface Operation {
  readonly operationId: string;
  readonly 'x-role': string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
  /** Those that many share are references. */
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: object }> }>;
}
type Paths = Record<string, Record<string, Operation>>;

const document = describeApi(ROUTES, { type: 'object' }) as { readonly openapi: string; readonly paths: Paths };
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));

test('describes each route, under a name of its own', () => {
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.sort()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).sort());
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(ROUTES.length);
});

test('every parameter of a path is described, and nothing else is in it', () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
    for (const { parameters } of Object.values(methods)) {
      expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(names);
    }
  }
});

test('every schema in it is one', () => {
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema(document, 'api');
  const bodies = operations.flatMap(({ requestBody, responses }) => [
    ...Object.values(requestBody?.content ?? {}),
    ...Object.values(responses).flatMap(({ content }) => Object.values(content ?? {})),
  ]);
  const schemas = [...bodies, ...operations.flatMap(({ parameters }) => parameters)].map(({ schema }) => schema);
  expect(schemas.length).toBeGreaterThan(60);
  for (const schema of schemas) {
    expect([schema, ajv.validateSchema(schema)]).toEqual([schema, true]);
  }
});
