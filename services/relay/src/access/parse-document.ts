import { asPeerId, asRealm } from '@causeway/protocol';
import { z } from 'zod';
import type { Parsed, Problem } from '../core/live-documents.ts';

export const realmName = z.string().refine((name) => asRealm(name) !== null, 'is no realm: 1 to 64 of a-z 0-9 . _ -');

export const peerId = z
  .string()
  .refine((id) => asPeerId(id) !== null, 'is no peer id: 1 to 128 bytes of UTF-8 without control characters');

/** JSON of the schema's form, `maxBytes` long at most; all that is wrong with it is named. */
export function parseDocument<T>(schema: z.ZodType<T>, text: string, maxBytes: number): Parsed<T> {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) return failed(`holds ${bytes} bytes, allowed are ${maxBytes}`);
  let value: unknown;
  try {
    value = JSON.parse(text, rejectPrototype);
  } catch (error) {
    return failed(error instanceof ForbiddenKey ? error.message : `is no JSON: ${(error as Error).message}`);
  }
  return check(schema, value);
}

export function check<T>(schema: z.ZodType<T>, value: unknown): Parsed<T> {
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, document: result.data };
  return { ok: false, problems: result.error.issues.flatMap(toProblems) };
}

class ForbiddenKey extends Error {}

/** zod passes this key over, so that it would come in unchecked or be lost without a word. */
function rejectPrototype(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new ForbiddenKey('no key may be called __proto__');
  return value;
}

function failed(message: string): Parsed<never> {
  return { ok: false, problems: [{ path: '', message }] };
}

function toProblems(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key].join('.'), message: 'there is no such field' }));
  }
  const messages = issue.code === 'invalid_key' ? issue.issues.map(({ message }) => message) : [issue.message];
  return messages.map((message) => ({ path: path.join('.'), message }));
}
