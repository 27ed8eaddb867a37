import type { z } from 'zod';
import { nearest } from './nearest.ts';

/** One environment variable. The schema reads its text; the schema's description says what is allowed. */
export interface Variable<T> {
  readonly name: string;
  readonly schema: z.ZodType<T, string>;
  /** Text that stands for a missing (or empty) variable, or how it is found out, with a word on it for the page. */
  readonly default: string | { readonly doc: string; compute(): string };
  readonly doc: string;
  /** The value is never shown. */
  readonly secret?: boolean;
}

export type Table = Readonly<Record<string, Variable<unknown>>>;
export type Config<T extends Table> = { readonly [K in keyof T]: T[K] extends Variable<infer V> ? V : never };
export type Loaded<C> = { readonly ok: true; readonly config: C } | { readonly ok: false; readonly problems: string[] };
export type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadOptions {
  /** Names that begin with it must be in the table. */
  readonly prefix: string;
  /** Names with the prefix that others read. */
  readonly ignored?: readonly string[];
}

/** Keeps the variable's type in a table of many. */
export function variable<T>(definition: Variable<T>): Variable<T> {
  return definition;
}

/** Reads all variables of the table; every problem is named, not only the first. */
export function loadConfig<const T extends Table>(table: T, env: Environment, options: LoadOptions): Loaded<Config<T>> {
  const problems = unknownNames(table, env, options);
  const config: Record<string, unknown> = {};
  for (const [key, definition] of Object.entries(table)) {
    const text = env[definition.name] || defaultText(definition);
    const result = definition.schema.safeParse(text);
    if (result.success) config[key] = result.data;
    else problems.push(describeProblem(definition, text, result.error));
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, config: config as Config<T> };
}

function defaultText({ default: text }: Variable<unknown>): string {
  return typeof text === 'string' ? text : text.compute();
}

function describeProblem({ name, schema, secret }: Variable<unknown>, text: string, error: z.ZodError): string {
  const value = secret ? '(its value is not shown)' : JSON.stringify(text);
  const allowed = schema.description ?? '';
  // What a schema words itself says more than what is allowed in general.
  const reasons = leaves(error.issues).filter(({ code }) => code === 'custom');
  const detail = reasons.map(({ message }) => `: ${message}`).join('');
  return `${name} is ${value}, allowed is ${allowed}${detail}`;
}

/** Issues in place of the unions that they are in. */
function leaves(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  return issues.flatMap((issue) => (issue.code === 'invalid_union' ? leaves(issue.errors.flat()) : [issue]));
}

function unknownNames(table: Table, env: Environment, { prefix, ignored = [] }: LoadOptions): string[] {
  const known = Object.values(table).map(({ name }) => name);
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !known.includes(name) && !ignored.includes(name))
    .sort()
    .map((name) => {
      const guess = nearest(name, known);
      return `${name} is unknown${guess === null ? '' : `, did you mean ${guess}?`}`;
    });
}

/** Rows of a Markdown table: name, default, what is allowed, what it is for. */
export function renderConfigRows(table: Table): string {
  const rows = Object.values(table).map((definition) => {
    const standard = typeof definition.default === 'string' ? code(definition.default) : definition.default.doc;
    return `| \`${definition.name}\` | ${standard} | ${definition.schema.description ?? ''} | ${definition.doc} |`;
  });
  return ['| variable | default | allowed | |', '|---|---|---|---|', ...rows].join('\n');
}

function code(text: string): string {
  return text === '' ? 'empty' : `\`${text}\``;
}
