import { z } from 'zod';
import { peerKey } from '../../core/address.ts';
import { DOCUMENTS, type DocumentVersion } from '../../core/shared-ports.ts';
import { type Answer, conflict, json, notFound, unavailable } from '../answer.ts';
import type { LimitsChanged } from '../operations.ts';
import { badRequest } from '../problems.ts';
import { type Route, route } from '../route.ts';
import { buckets, instant, numeric, peer, realm, version } from '../schemas.ts';

const MAX_POLICY_BYTES = 1024 * 1024;
const MAX_NOTE_LENGTH = 200;
/** Each may be as large as a policy: all of them at once would hold up the node. */
const HISTORY_COUNT = 20;
/** Stands for the policy's own schema, which the description of the API puts in its place. */
export const POLICY_ID = 'Policy';

/** Read by who knows its form, from its text: a schema here would pass over what it has no name for. */
const policy = z
  .unknown()
  .refine((value) => typeof value === 'object' && value !== null, 'is no object')
  .meta({ $ref: `#/components/schemas/${POLICY_ID}` });
const written = { version, by: z.string(), note: z.string(), at: instant.nullable(), policy };
const cap = z.number().nullable().describe('null: there is no cap');
const effective = z.object({
  auth: z.string().nullable(),
  cluster: buckets,
  realm: buckets.nullable(),
  peer: buckets.nullable(),
  caps: z.object({ connections: cap, reservations: cap, watched: cap, rooms: cap, mailboxBytes: cap }).nullable(),
});
const CONFLICT = { 409: '`conflict`: it is based on another version than the present one' };

export const LIMIT_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/admin/limits',
    role: 'read',
    summary: 'The policy in force',
    answers: { 200: ['the policy; version 0 and an empty one when nobody has written any', z.object(written)] },
    async run({ operations }) {
      const reply = await operations.limits.read();
      if (reply.kind === 'unavailable') return unavailable(reply);
      return json(200, toView(reply.document));
    },
  }),
  route({
    method: 'PUT',
    path: '/admin/limits',
    role: 'operate',
    summary: 'Replaces the policy, on all nodes within a second',
    body: z.strictObject({
      version: version.describe('the one that this policy is based on; 0 while there is none'),
      policy,
      note: z.string().max(MAX_NOTE_LENGTH).default('').describe('why'),
    }),
    maxBody: MAX_POLICY_BYTES,
    answers: { 200: ['its version', z.object({ version })] },
    errors: CONFLICT,
    action: 'limits.set',
    async run({ operations, body: { version, policy, note }, by }) {
      return changed(await operations.limits.write(policy, version, by, note), { note });
    },
  }),
  route({
    method: 'GET',
    path: '/admin/limits/history',
    role: 'read',
    summary: 'The last versions of the policy, newest first',
    query: z.strictObject({ count: numeric(1, DOCUMENTS.policy.history + 1).default(HISTORY_COUNT) }),
    answers: { 200: ['the versions', z.object({ versions: z.array(z.object(written)) })] },
    async run({ operations, query: { count } }) {
      const reply = await operations.limits.history(count);
      if (reply.kind === 'unavailable') return unavailable(reply);
      return json(200, { versions: reply.versions.map(toView) });
    },
  }),
  route({
    method: 'POST',
    path: '/admin/limits/rollback',
    role: 'operate',
    summary: 'Writes an earlier version of the policy as a new one',
    body: z.strictObject({ to: z.int().min(1), version: version.describe('the present one') }),
    answers: { 200: ['the new version', z.object({ version })] },
    errors: { 404: 'there is no such version, or it is not kept any more', ...CONFLICT },
    action: 'limits.rollback',
    async run({ operations, body: { to, version }, by }) {
      const reply = await operations.limits.rollBack(to, version, by);
      if (reply.kind === 'unknown') return notFound('there is no such version, or it is not kept any more', { to });
      return changed(reply, { to });
    },
  }),
  route({
    method: 'GET',
    path: '/admin/limits/effective',
    role: 'read',
    summary: 'What holds for the cluster, a realm and a peer, once everything is inherited',
    query: z
      .strictObject({ realm: realm.optional(), peer: peer.optional() })
      .refine(({ realm, peer }) => peer === undefined || realm !== undefined, {
        path: ['realm'],
        message: 'is needed with a peer',
      }),
    answers: { 200: ['the limits; null for what was not asked', effective] },
    async run({ operations, query: { realm, peer } }) {
      const key = realm === undefined || peer === undefined ? null : peerKey(realm, peer);
      const reply = await operations.limits.effective(realm ?? null, key);
      return reply.kind === 'unavailable' ? unavailable(reply) : json(200, reply.limits);
    },
  }),
];

function toView(document: DocumentVersion | null): object {
  if (document === null) return { version: 0, by: '', note: '', at: null, policy: {} };
  const { version, by, note, at, text } = document;
  return { version, by, note, at, policy: JSON.parse(text) as object };
}

function changed(reply: LimitsChanged, audit: object): Answer {
  switch (reply.kind) {
    case 'unavailable':
      return unavailable(reply);
    case 'invalid':
      return badRequest(reply.problems.map(({ path, message }) => ({ path: under('policy', path), message })));
    case 'conflict':
      return conflict(reply.version);
    case 'written':
      return json(200, { version: reply.version }, { audit: { version: reply.version, ...audit } });
  }
}

function under(field: string, path: string): string {
  return path === '' ? field : `${field}.${path}`;
}
