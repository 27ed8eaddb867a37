import { z } from 'zod';
import { peerKey } from '../../core/address.ts';
import { failure, json, notFound, unavailable } from '../answer.ts';
import { type Route, route } from '../route.ts';
import { buckets, count, instant, peer, realm, reason } from '../schemas.ts';

const params = z.object({ realm, peer });
const UNKNOWN = 'nothing is known of such a peer';

const peerView = z.object({
  realm: z.string(),
  peer: z.string(),
  online: z.boolean(),
  location: z.object({ node: z.string(), epoch: z.int() }).nullable(),
  reservation: z
    .object({
      expiresAt: instant,
      limits: z.object({ messagesPerSecond: z.number().optional(), bytesPerSecond: z.number().optional() }),
    })
    .nullable(),
  window: z
    .object({ messages: count, bytes: count })
    .nullable()
    .describe('what it was shown and has not acknowledged; null while it is offline, or its node does not answer'),
  mailbox: z.object({ messages: count, bytes: count, oldestAt: instant.nullable() }),
  limits: z.object({ peer: buckets, realm: buckets, cluster: buckets }),
});

export const PEER_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/admin/peers/{realm}/{peer}',
    role: 'read',
    summary: 'What is known of a peer',
    params,
    answers: { 200: ['the peer', peerView] },
    errors: { 404: UNKNOWN },
    async run({ operations, params: { realm, peer } }) {
      const reply = await operations.peers.look(peerKey(realm, peer));
      if (reply.kind === 'unavailable') return unavailable(reply);
      if (reply.kind === 'unknown') return notFound(UNKNOWN, { realm, peer });
      const { record, window, limits } = reply.view;
      const { owner, reservation, mailbox } = record;
      return json(200, { realm, peer, online: owner !== null, location: owner, reservation, window, mailbox, limits });
    },
  }),
  route({
    method: 'POST',
    path: '/admin/peers/{realm}/{peer}/disconnect',
    role: 'operate',
    summary: 'Closes the connection of a peer, on whichever node it is',
    params,
    body: z.strictObject({ reason: reason.default('disconnected by an operator') }),
    answers: { 200: ['the connection is closed', z.object({ disconnected: z.literal(true) })] },
    errors: { 404: 'the peer is not online' },
    action: 'peer.disconnect',
    async run({ operations, params: { realm, peer }, body: { reason } }) {
      const reply = await operations.peers.disconnect(peerKey(realm, peer), reason);
      if (reply.kind === 'unavailable') return unavailable(reply);
      if (reply.kind === 'offline') return notFound('the peer is not online', { realm, peer });
      return json(200, { disconnected: true }, { audit: { realm, peer, reason } });
    },
  }),
  route({
    method: 'DELETE',
    path: '/admin/peers/{realm}/{peer}/mailbox',
    role: 'operate',
    summary: 'Removes all messages that wait for a peer now',
    params,
    answers: { 200: ['what was removed', z.object({ messages: count, bytes: count })] },
    errors: { 404: UNKNOWN },
    action: 'mailbox.purge',
    async run({ operations, params: { realm, peer } }) {
      const reply = await operations.peers.purge(peerKey(realm, peer));
      if (reply.kind === 'unavailable') return unavailable(reply);
      if (reply.kind === 'unknown') return notFound(UNKNOWN, { realm, peer });
      const { messages, bytes } = reply;
      return json(200, { messages, bytes }, { audit: { realm, peer, messages, bytes } });
    },
  }),
  route({
    method: 'DELETE',
    path: '/admin/peers/{realm}/{peer}',
    role: 'admin',
    summary: 'Disconnects a peer and removes its location, reservation, mailbox and bucket',
    params,
    answers: { 200: ['nothing is left', z.object({ erased: z.literal(true) })] },
    errors: { 404: UNKNOWN, 409: '`online`: the peer came back meanwhile; ban it first' },
    action: 'peer.erase',
    async run({ operations, params: { realm, peer } }) {
      const reply = await operations.peers.erase(peerKey(realm, peer));
      if (reply.kind === 'unavailable') return unavailable(reply);
      if (reply.kind === 'unknown') return notFound(UNKNOWN, { realm, peer });
      if (reply.kind === 'online') {
        const answer = failure(409, 'online', 'the peer came back meanwhile: ban it first');
        // It was disconnected, and what waited for it may be gone.
        return { ...answer, audit: { realm, peer, outcome: 'online' } };
      }
      return json(200, { erased: true }, { audit: { realm, peer } });
    },
  }),
];
