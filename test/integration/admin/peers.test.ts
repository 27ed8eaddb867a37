import { describe, expect, test } from 'vitest';
import { nodeOf } from '../../kit/observe.ts';
import { startRedisCluster } from '../../kit/redis.ts';
import type { Relay } from '../../kit/relay.ts';
import { waitFor } from '../../kit/wait.ts';
import { ADMIN_TOKENS, askAdmin, peerPath } from '../admin.ts';
import { ending, numbered, outcomes, useCluster } from '../fixture.ts';

const cluster = useCluster({
  relays: 3,
  startRedis: startRedisCluster,
  env: { CAUSEWAY_ADMIN_TOKENS: ADMIN_TOKENS, CAUSEWAY_ACK_TIMEOUT_MS: '60000' },
});
const relay = (index: number) => cluster.relays[index] as Relay;
const look = (index: number, peer: string) => askAdmin(relay(index), 'GET', peerPath(peer), { token: 'look' });
const trail = async () => {
  const { body } = await askAdmin(relay(1), 'GET', '/admin/audit?count=10000', { token: 'look' });
  return body.entries as { action: string; details: object; by: string; node: string }[];
};

describe('a peer on another node', () => {
  test('is found, with its window', async () => {
    const bob = await cluster.join(2, { peer: 'b/o}b' });
    const alice = await cluster.join(0, { peer: 'alice' });
    const ids = numbered(3).map((payload) => alice.message('b/o}b', payload));
    for (const _ of ids) await bob.next('deliver');
    const node = await nodeOf(relay(2));
    for (const index of [0, 1, 2]) {
      const { status, body } = await look(index, 'b/o}b');
      expect([status, body]).toMatchObject([
        200,
        {
          peer: 'b/o}b',
          online: true,
          location: { node },
          reservation: { limits: {} },
          window: { messages: 3 },
          mailbox: { messages: 0, bytes: 0, oldestAt: null },
          limits: { peer: { messages: null, bytes: null } },
        },
      ]);
    }
    expect(await look(0, 'nobody-knows')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  test('is disconnected, and may come back; then what it had is there', async () => {
    const bob = await cluster.join(2, { peer: 'bob-1' });
    const body = { reason: 'enough for today' };
    const path = peerPath('bob-1', '/disconnect');
    const before = await look(0, 'bob-1');
    expect(await askAdmin(relay(0), 'POST', path, { body })).toMatchObject({
      status: 200,
      body: { disconnected: true },
    });
    expect((await bob.closed).code).toBeGreaterThanOrEqual(4000);
    expect((await look(1, 'bob-1')).body).toMatchObject({ online: false, location: null, window: null });
    expect(await askAdmin(relay(0), 'POST', path, { body })).toMatchObject({ status: 404 });
    await cluster.join(1, { peer: 'bob-1' });
    const after = await look(0, 'bob-1');
    expect(after.body.location.epoch).toBeGreaterThan(before.body.location.epoch);
    const entries = (await trail()).filter(({ action }) => action === 'peer.disconnect');
    expect(entries).toMatchObject([
      {
        by: expect.stringMatching(/^operate:[0-9a-f]{6}$/),
        node: await nodeOf(relay(0)),
        details: { ...body, peer: 'bob-1' },
      },
    ]);
  });
});

describe('a mailbox', () => {
  test('is purged, and what comes later is not; the realm account stays right', async () => {
    const realm = 'purged';
    const alice = await cluster.join(0, { peer: 'alice', realm });
    for (let part = 0; part < 3; part += 1) {
      const sent = numbered(150).map((payload) => alice.message('carol', payload));
      expect(new Set(await outcomes(alice, ...sent))).toEqual(new Set(['queued']));
    }
    const path = peerPath('carol', '/mailbox', realm);
    const { body: found } = await askAdmin(relay(1), 'GET', peerPath('carol', '', realm), { token: 'look' });
    expect(found.mailbox).toMatchObject({ messages: 450, oldestAt: expect.any(Number) });
    const { body: purged } = await askAdmin(relay(1), 'DELETE', path);
    expect(purged).toEqual({ messages: 450, bytes: found.mailbox.bytes });
    expect(await outcomes(alice, alice.message('carol', 'later'))).toEqual(['queued']);
    const carol = await cluster.join(2, { peer: 'carol', realm });
    expect(Buffer.from((await carol.next('deliver')).payload).toString()).toBe('later');
    expect(await cluster.total('causeway_drops_total', { reason: 'purged' })).toBe(450);
    await waitFor(async () => (await account(realm)) === 'later'.length + 'alice'.length + 8, {
      what: 'the account of the realm holds the one message',
    });
    expect(await askAdmin(relay(1), 'DELETE', peerPath('nobody', '/mailbox'))).toMatchObject({ status: 404 });
  });

  test('is purged under a peer that catches up: what it was shown it may acknowledge, and it goes live', async () => {
    const realm = 'under';
    const alice = await cluster.join(0, { peer: 'alice', realm });
    const sent = numbered(200).map((payload) => alice.message('dave', payload));
    await outcomes(alice, ...sent);
    const more = numbered(200).map((payload) => alice.message('dave', payload));
    await outcomes(alice, ...more);
    const dave = await cluster.join(2, { peer: 'dave', realm });
    let last = await dave.next('deliver');
    for (let shown = 1; shown < 256; shown += 1) last = await dave.next('deliver');
    const { body } = await askAdmin(relay(1), 'DELETE', peerPath('dave', '/mailbox', realm));
    expect(body.messages).toBe(400);
    dave.send({ type: 'ack', seq: last.seq });
    const id = alice.message('dave', 'live');
    const { payload, seq } = await dave.next('deliver');
    expect(Buffer.from(payload).toString()).toBe('live');
    dave.send({ type: 'ack', seq });
    expect(await outcomes(alice, id)).toHaveLength(1);
    await waitFor(async () => (await account(realm)) === 0, { what: 'the account of the realm is empty' });
  });
});

test('a peer is erased: only by an admin, and then nothing is left', async () => {
  const erin = await cluster.join(2, { peer: 'erin' });
  const alice = await cluster.join(0, { peer: 'alice-2' });
  alice.message('erin', 'never acknowledged');
  await erin.next('deliver');
  expect(await askAdmin(relay(0), 'DELETE', peerPath('erin'))).toMatchObject({ status: 403 });
  expect((await look(0, 'erin')).body.online).toBe(true);
  expect(await askAdmin(relay(0), 'DELETE', peerPath('erin'), { token: 'all' })).toMatchObject({
    body: { erased: true },
  });
  await erin.closed;
  for (const index of [0, 1, 2]) expect((await look(index, 'erin')).status).toBe(404);
  expect(await askAdmin(relay(0), 'DELETE', peerPath('erin'), { token: 'all' })).toMatchObject({ status: 404 });
  expect((await trail()).filter(({ action }) => action === 'peer.erase')).toMatchObject([
    { details: { peer: 'erin' } },
  ]);
});

test('a ban asked of one node ends connections on all', async () => {
  const realm = 'banned';
  const peers = await Promise.all([0, 1, 2].map((index) => cluster.join(index, { peer: `p${index}`, realm })));
  const { status, body } = await askAdmin(relay(0), 'POST', '/admin/bans', {
    body: { kind: 'realm', realm, reason: 'r' },
  });
  expect(status).toBe(201);
  expect(await Promise.all(peers.map(ending))).toEqual(peers.map(() => ['forbidden', 4403]));
  const lists = await askAdmin(relay(2), 'GET', '/admin/access', { token: 'look' });
  expect(lists.body).toMatchObject({
    version: body.version,
    bans: [{ id: body.id, kind: 'realm', realm, reason: 'r' }],
  });
  const gone = await askAdmin(relay(1), 'DELETE', `/admin/bans/${body.id}`);
  expect([gone.status, gone.body.version]).toEqual([200, body.version + 1]);
  expect(await askAdmin(relay(1), 'DELETE', `/admin/bans/${body.id}`)).toMatchObject({ status: 404 });
});

/** Bytes that all mailboxes of the realm hold, as its ledger says. */
async function account(realm: string): Promise<number> {
  const primaries = cluster.redis.nodes.filter(({ role }) => role === 'primary');
  const fields = await Promise.any(primaries.map(({ client }) => client.hgetall(`cw:{r:${realm}}:stored`)));
  return Object.entries(fields).reduce((sum, [name, value]) => sum + (name.startsWith('b:') ? Number(value) : 0), 0);
}
