import { z } from 'zod';
import type { Route } from './route.ts';
import { POLICY_ID } from './routes/limits.ts';
import * as schemas from './schemas.ts';

/** Of the API, not of the software. */
const API_VERSION = '1.0.0';
const ERRORS: Readonly<Record<number, string>> = {
  400: 'The request is not as it should be: `bad_request`, with a problem for each field.',
  401: 'No token, or none that is known: `unauthorized`.',
  403: "The token's role may not do this: `forbidden`.",
  413: 'The body is too long: `too_large`.',
  429: 'Too many unknown tokens came from this address: `rate_limited`, with `Retry-After`.',
  500: 'A defect: `internal`.',
  503: 'Redis is away: `unavailable`. It is not known whether a change took effect.',
};
const ERROR = { $ref: '#/components/schemas/Error' };

/**
 * The description of the API as OpenAPI 3.1 has it, out of the routes and their schemas.
 * @param policy the form of a policy, as JSON Schema
 */
export function describeApi(routes: readonly Route[], policy: object): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: describe(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Causeway admin API',
      version: API_VERSION,
      description:
        'Served by the admin port of each node. What is changed on one node is in force on all within a second. GET is answered to HEAD, too.',
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'One of CAUSEWAY_ADMIN_TOKENS. `x-role`: what it must be of, at least.',
        },
      },
      responses: Object.fromEntries(Object.entries(ERRORS).map(([status, meaning]) => [status, failed(meaning)])),
      schemas: { Error: toSchema(schemas.error, 'output'), [POLICY_ID]: withoutDialect(policy) },
    },
  };
}

function describe(route: Route): object {
  const { method, summary, role, errors } = route;
  const responses: Record<string, object> = {};
  for (const [status, [meaning, schema]] of Object.entries(route.answers)) {
    const others = route.otherTypes.map((type) => [type, { schema: { type: 'string' } }] as const);
    const content = { 'application/json': { schema: toSchema(schema, 'output') }, ...Object.fromEntries(others) };
    responses[status] = { description: meaning, content };
  }
  for (const status of Object.keys(ERRORS)) responses[status] = { $ref: `#/components/responses/${status}` };
  for (const [status, meaning] of Object.entries(errors)) responses[status] = failed(meaning);
  return {
    operationId: operationId(route),
    summary,
    'x-role': role,
    parameters: [...parameters(route.params, 'path'), ...parameters(route.query, 'query')],
    ...(method !== 'GET' && takesBody(route) && { requestBody: requestBody(route) }),
    responses,
  };
}

function failed(meaning: string): object {
  return { description: meaning, content: { 'application/json': { schema: ERROR } } };
}

function operationId({ method, path }: Route): string {
  const words = path
    .replace('/admin/', '')
    .split(/[^a-z]+/)
    .filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function parameters(fields: z.ZodObject, place: 'path' | 'query'): object[] {
  return Object.entries(fields.shape).map(([name, schema]) => ({
    name,
    in: place,
    required: place === 'path' || !schema.safeParse(undefined).success,
    schema: toSchema(schema as z.ZodType, 'input'),
  }));
}

function takesBody({ body }: Route): boolean {
  return !(body instanceof z.ZodObject) || Object.keys(body.shape).length > 0;
}

function requestBody({ body }: Route): object {
  const required = !body.safeParse({}).success;
  return { required, content: { 'application/json': { schema: toSchema(body, 'input') } } };
}

function toSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  return withoutDialect(z.toJSONSchema(schema, { io }));
}

function withoutDialect(schema: object): object {
  const { $schema: _, ...rest } = schema as Record<string, unknown>;
  return rest;
}
