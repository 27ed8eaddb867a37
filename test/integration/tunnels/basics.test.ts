import { SUBPROTOCOL_JSON } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { tunnelBetween } from '../../kit/tunnel-peer.ts';
import { waitFor } from '../../kit/wait.ts';
import { ADMIN_TOKENS, askAdmin } from '../admin.ts';
import { endBoth, expectIntact, MIB, useRelays } from './fixture.ts';

const BYTES = 3 * MIB;
const SEEDS = [[1, 2] as const, [2, 1] as const] as const;
const JSON_PEER = { subprotocol: SUBPROTOCOL_JSON } as const;

const servers = useRelays(true, { CAUSEWAY_ADMIN_TOKENS: ADMIN_TOKENS, CAUSEWAY_USAGE_FLUSH_SECONDS: '1' });
const { join } = servers;

test.each([
  ['at once', { creditEvery: 1 }, 65_536],
  ['by the half of a window, of pieces that fit nothing', { creditEvery: MIB / 2 }, 7777],
])('bytes both ways at the same time, credit %s', async (_how, takes, piece) => {
  const alice = await join(0, { peer: 'alice' }, { seeds: SEEDS[0], ...takes });
  const bob = await join(1, { peer: 'bob' }, { seeds: SEEDS[1], ...takes });
  const [one, other] = await tunnelBetween(alice, bob, 'bob');
  await Promise.all([one.send(BYTES, piece), other.send(BYTES, piece)]);
  await Promise.all([one.untilReceived(BYTES), other.untilReceived(BYTES)]);
  await endBoth(one, other);
  expectIntact(one, other);
});

test('one direction ends, and the other goes on for as long as it likes', async () => {
  const alice = await join(0, { peer: 'alice' }, { seeds: SEEDS[0] });
  const bob = await join(1, { peer: 'bob' }, { seeds: SEEDS[1] });
  const [one, other] = await tunnelBetween(alice, bob, 'bob');
  await one.send(10);
  one.end();
  await other.untilEnded();
  await other.send(BYTES);
  other.end();
  await one.untilEnded();
  expectIntact(one, other);
});

test('a room and a tunnel over JSON, with a binary peer at the other end', async () => {
  const alice = await join(0, { peer: 'alice' }, { seeds: SEEDS[0] }, JSON_PEER);
  const bob = await join(1, { peer: 'bob' }, { seeds: SEEDS[1] });
  const room = await alice.createRoom();
  const met = await Promise.all([room.opened(), bob.joinRoom(room.code)]);
  const called = await tunnelBetween(bob, alice, 'alice');
  for (const [one, other] of [met, [called[1], called[0]] as const]) {
    await Promise.all([one.send(BYTES), other.send(BYTES)]);
    await Promise.all([one.untilReceived(BYTES), other.untilReceived(BYTES)]);
    await endBoth(one, other);
    expectIntact(one, other);
  }
});

test('what one realm has, another one does not', async () => {
  const alice = await join(0, { realm: 'one', peer: 'alice' });
  const bob = await join(0, { realm: 'two', peer: 'bob' });
  const room = await alice.createRoom();
  await expect(bob.joinRoom(room.code)).rejects.toThrow('no_room');
  await expect(bob.connect('alice')).rejects.toThrow('peer_offline');
  const carol = await join(2, { realm: 'one', peer: 'carol' });
  const [near, far] = await Promise.all([room.opened(), carol.joinRoom(room.code)]);
  expect([near.peer, far.peer]).toEqual(['carol', 'alice']);
});

test('a room outlives the connection of its owner, which may come back to another relay', async () => {
  const resume = new Uint8Array(32).fill(3);
  const first = await join(0, { peer: 'owner', resume });
  const { code, created } = await first.createRoom();
  await first.raw.close();
  const joiner = await join(2, { peer: 'joiner' });
  await expect(joiner.joinRoom(code)).rejects.toThrow('no_room');
  const again = await join(1, { peer: 'owner', resume });
  const [near, far] = await Promise.all([again.opened(created.ref), joiner.joinRoom(code)]);
  await Promise.all([near.send(10), far.untilReceived(10)]);
  expect([near.peer, far.peer]).toEqual(['joiner', 'owner']);
});

test('bytes of tunnels are in the usage of who has sent them', async () => {
  const realm = 'counted';
  const alice = await join(0, { realm, peer: 'alice' });
  const bob = await join(1, { realm, peer: 'bob' });
  const [one, other] = await tunnelBetween(alice, bob, 'bob');
  await Promise.all([one.send(MIB), other.send(1000), other.untilReceived(MIB), one.untilReceived(1000)]);
  const look = async (): Promise<boolean> => {
    const { body } = await askAdmin(servers.relay(2), 'GET', `/admin/usage?realm=${realm}`, { token: 'look' });
    const records = body.records as { readonly tunnelBytes: number }[];
    return records.reduce((sum, { tunnelBytes }) => sum + tunnelBytes, 0) === MIB + 1000;
  };
  await waitFor(look, { what: 'the bytes are booked' });
});
