import { z } from 'zod';
import { peerKey } from '../../core/address.ts';
import { failure, json, notFound, unavailable } from '../answer.ts';
import { type Route, route } from '../route.ts';
import { count, instant, numeric, peer, realm } from '../schemas.ts';

const MAX_TTL_MS = 30 * 86_400_000;
const MAX_DATA_LENGTH = 4096;

const params = z.object({ realm, peer });
const epoch = z
  .int()
  .min(1)
  .describe('the fencing token: the higher one wins. Nodes count theirs in microseconds since 1970');
const NONE = 'there is no reservation';

/** For relays that are not ours; none of it goes to the audit trail: it is their daily work. */
export const COORDINATION_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    path: '/admin/allow',
    role: 'operate',
    summary: 'Whether a peer may send so much now: takes it from the buckets of all levels, or from none',
    body: z.strictObject({
      realm,
      peer,
      messages: z.int().min(0).max(1_000_000).default(1),
      bytes: z.int().min(0).default(0),
    }),
    answers: {
      200: [
        'the verdict; `scope` says which level refuses',
        z.object({
          allowed: z.boolean(),
          scope: z.enum(['peer', 'realm', 'cluster']).optional(),
          retryAfterMs: count.optional(),
        }),
      ],
    },
    async run({ operations, body: { realm, peer, messages, bytes } }) {
      return json(200, await operations.coordination.allow({ realm, key: peerKey(realm, peer), messages, bytes }));
    },
  }),
  route({
    method: 'PUT',
    path: '/admin/reservations/{realm}/{peer}',
    role: 'operate',
    summary: 'Says that a peer is at a relay which is not ours, or that it still is',
    params,
    body: z.strictObject({
      holder: z.string().min(1).max(128).describe('the relay, as it calls itself'),
      ttlMs: z.int().min(1).max(MAX_TTL_MS).describe('milliseconds until it ends, unless it is put again'),
      epoch,
      data: z.string().max(MAX_DATA_LENGTH).default('').describe("of the holder's own"),
    }),
    answers: { 200: ['it holds', z.object({ epoch: z.int(), expiresAt: instant })] },
    errors: {
      409: '`conflict`: another holder, or a node, has this epoch or a higher one, or the holder itself a higher one',
    },
    async run({ operations, params: { realm, peer }, body: { ttlMs, ...reservation } }) {
      const reply = await operations.coordination.put(peerKey(realm, peer), reservation, ttlMs);
      if (reply.kind === 'unavailable') return unavailable(reply);
      if (reply.kind === 'conflict') return higher(reply.epoch);
      return json(200, { epoch: reservation.epoch, expiresAt: reply.expiresAt });
    },
  }),
  route({
    method: 'GET',
    path: '/admin/reservations/{realm}/{peer}',
    role: 'read',
    summary: 'Which relay has a peer: ours or another one, whichever has the higher epoch',
    params,
    answers: {
      200: [
        'the reservation; a `native` one is that of a node, which is its holder',
        z.object({ holder: z.string(), epoch: z.int(), expiresAt: instant, data: z.string(), native: z.boolean() }),
      ],
    },
    errors: { 404: NONE },
    async run({ operations, params: { realm, peer } }) {
      const reply = await operations.coordination.get(peerKey(realm, peer));
      if (reply.kind === 'unavailable') return unavailable(reply);
      return reply.reservation === null ? notFound(NONE, { realm, peer }) : json(200, reply.reservation);
    },
  }),
  route({
    method: 'DELETE',
    path: '/admin/reservations/{realm}/{peer}',
    role: 'operate',
    summary: 'Says that a peer has left a relay which is not ours',
    params,
    query: z.strictObject({ epoch: numeric(1, Number.MAX_SAFE_INTEGER) }),
    answers: { 200: ['it is gone', z.object({ deleted: z.literal(true) })] },
    errors: { 404: NONE, 409: '`conflict`: it has a higher epoch' },
    async run({ operations, params: { realm, peer }, query }) {
      const reply = await operations.coordination.delete(peerKey(realm, peer), query.epoch);
      if (reply.kind === 'unavailable') return unavailable(reply);
      if (reply.kind === 'missing') return notFound(NONE, { realm, peer });
      return reply.kind === 'conflict' ? higher(reply.epoch) : json(200, { deleted: true });
    },
  }),
];

function higher(epoch: number) {
  return failure(409, 'conflict', `the peer is elsewhere since epoch ${epoch}`, { epoch });
}
