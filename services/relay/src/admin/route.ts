import { z } from 'zod';
import type { Problem } from '../core/live-documents.ts';
import type { Answer } from './answer.ts';
import type { Operations } from './operations.ts';
import { problemsOf } from './problems.ts';
import type { Role } from './tokens.ts';

export const SMALL_BODY_BYTES = 16 * 1024;
export const NOTHING = z.strictObject({});
type Fields = z.ZodObject;

/** What a route is asked, in the form that its schemas give it. */
export interface Ask<Params, Query, Body> {
  readonly operations: Operations;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Who asks: the role of the token, and the end of its digest. */
  readonly by: string;
}

/** Answers by status, other than errors: what it means, and its form; null for one that is no JSON. */
export type Answers = Readonly<Record<number, readonly [meaning: string, schema: z.ZodType]>>;

interface Spec<Params extends Fields, Query extends Fields, Body extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `{name}` stands for one segment, percent-encoded. */
  readonly path: string;
  readonly role: Role;
  readonly summary: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** 16 KiB when it is not given. */
  readonly maxBody?: number;
  readonly answers: Answers;
  /** Statuses of errors of its own: what each means. */
  readonly errors?: Readonly<Record<number, string>>;
  /** Media types other than JSON that the answer may have. */
  readonly otherTypes?: readonly string[];
  /** Its name in the audit trail; null for what changes nothing that operators set. */
  readonly action?: string;
  run(ask: Ask<z.output<Params>, z.output<Query>, z.output<Body>>): Answer | Promise<Answer>;
}

/** One thing that the API does. */
export interface Route extends Required<Omit<Spec<Fields, Fields, z.ZodType>, 'action' | 'run'>> {
  readonly action: string | null;
  run(ask: Ask<unknown, unknown, unknown>): Answer | Promise<Answer>;
}

export function route<
  Params extends Fields = typeof NOTHING,
  Query extends Fields = typeof NOTHING,
  Body extends z.ZodType = typeof NOTHING,
>(spec: Spec<Params, Query, Body>): Route {
  return {
    params: NOTHING,
    query: NOTHING,
    body: NOTHING,
    maxBody: SMALL_BODY_BYTES,
    errors: {},
    otherTypes: [],
    ...spec,
    action: spec.action ?? null,
    run: spec.run as Route['run'],
  };
}

/** The segments that stand for the route's parameters, still encoded; null when the path is another's. */
export function match(route: Pick<Route, 'path'>, path: string): Readonly<Record<string, string>> | null {
  const wanted = route.path.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] as string;
    if (segment.startsWith('{')) params[segment.slice(1, -1)] = value;
    else if (segment !== value) return null;
  }
  return params;
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export function parseParams(route: Route, encoded: Readonly<Record<string, string>>): Parsed<unknown> {
  const problems: Problem[] = [];
  const decoded = Object.entries(encoded).map(([name, text]) => {
    const value = decode(text);
    if (value === null) problems.push({ path: name, message: 'is not percent-encoded UTF-8' });
    return [name, value];
  });
  return problems.length > 0 ? { ok: false, problems } : parse(route.params, Object.fromEntries(decoded));
}

export function parseQuery(route: Route, query: string): Parsed<unknown> {
  const search = new URLSearchParams(query);
  const twice = [...new Set(search.keys())].filter((name) => search.getAll(name).length > 1);
  if (twice.length > 0)
    return { ok: false, problems: twice.map((path) => ({ path, message: 'is given more than once' })) };
  return parse(route.query, Object.fromEntries(search));
}

export function parse(schema: z.ZodType, input: unknown): Parsed<unknown> {
  const parsed = schema.safeParse(input);
  return parsed.success ? { ok: true, value: parsed.data } : { ok: false, problems: problemsOf(parsed.error) };
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}
