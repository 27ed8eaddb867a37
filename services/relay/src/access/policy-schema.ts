import { asPeerId, asRealm } from '@causeway/protocol';
import { z } from 'zod';
import type { Parsed } from '../core/live-documents.ts';
import { AUTH_POLICIES, type PolicyDocument } from '../core/policy.ts';
import { parseDocument, realmName } from './parse-document.ts';

const MAX_BYTES = 1024 * 1024;
/** Far beyond any use, and exact in the arithmetic of buckets. */
const MAX_RATE = 1e12;

const rate = z.strictObject({
  perSecond: z.number().positive().max(MAX_RATE).describe('messages or bytes in a second'),
  burst: z
    .number()
    .min(1)
    .max(MAX_RATE)
    .optional()
    .describe('what may pass at once; what one second brings when absent'),
});
const limits = z
  .strictObject({ messages: rate.nullable().optional(), bytes: rate.nullable().optional() })
  .describe('absent: inherited; null: there is no limit');
const cap = z.int().min(0).nullable().optional();
const caps = z
  .strictObject({ connections: cap, reservations: cap, watched: cap, rooms: cap, mailboxBytes: cap })
  .describe('what all peers of a realm hold together; absent: inherited; null: there is no cap');
const realmPolicy = z.strictObject({
  auth: z.enum(AUTH_POLICIES).optional(),
  realm: limits.optional(),
  peer: limits.optional(),
  caps: caps.optional(),
});
const peerName = z.string().refine(isPeerKey, 'is no <realm>/<peer>');

/** The form of a policy; `z.toJSONSchema` can tell of it. */
export const policySchema: z.ZodType<PolicyDocument> = z.strictObject({
  cluster: limits.optional(),
  defaults: realmPolicy.optional(),
  realms: z.record(realmName, realmPolicy).optional(),
  peers: z.record(peerName, limits).optional(),
});

export function parsePolicy(text: string): Parsed<PolicyDocument> {
  return parseDocument(policySchema, text, MAX_BYTES);
}

function isPeerKey(key: string): boolean {
  const slash = key.indexOf('/');
  return slash > 0 && asRealm(key.slice(0, slash)) !== null && asPeerId(key.slice(slash + 1)) !== null;
}
