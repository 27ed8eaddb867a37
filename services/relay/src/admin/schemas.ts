/** Schemas of what requests and answers have in common. Those of answers say what is there; unknown fields are faults. */
import { asPeerId, asRealm, type NodeId, type PeerId, type RealmName } from '@causeway/protocol';
import { z } from 'zod';

const MAX_REASON_LENGTH = 200;

export const realm = z
  .string()
  .transform((text, context): RealmName => {
    const name = asRealm(text);
    if (name === null) context.addIssue('is no realm: 1 to 64 characters of a-z 0-9 . _ -');
    return name as RealmName;
  })
  .describe('name of a realm');

export const peer = z
  .string()
  .transform((text, context): PeerId => {
    const id = asPeerId(text);
    if (id === null) context.addIssue('is no peer id: 1 to 128 bytes of UTF-8 without control characters');
    return id as PeerId;
  })
  .describe('id of a peer in its realm');

export const node = z
  .string()
  .min(1)
  .max(100)
  .transform((text) => text as NodeId)
  .describe('id of a node');

export const reason = z.string().max(MAX_REASON_LENGTH).default('').describe('for the people who look later');
export const seconds = z
  .int()
  .min(1)
  .max(10 * 366 * 86_400)
  .optional()
  .describe('how long it holds; for ever when absent');

/** A number in the query. */
export function numeric(min: number, max: number) {
  return z.preprocess((text) => (text === '' ? Number.NaN : Number(text)), z.int().min(min).max(max));
}

/** Milliseconds since 1970. */
export const instant = z.int().describe('milliseconds since 1970');
export const count = z.int().min(0);
export const version = z.int().min(0).describe('of the document; 0 while there is none');

export const bucket = z
  .object({ perSecond: z.number(), burst: z.number() })
  .nullable()
  .describe('null: there is no limit');
export const buckets = z.object({ messages: bucket, bytes: bucket });

export const error = z
  .looseObject({ error: z.string().describe('for people'), code: z.string().describe('for programs') })
  .describe('a failure; details of it may follow as further members');
