import type { NodeId, PeerId, RealmName } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { peerKey } from '../core/address.ts';
import { createEmbeddedCluster } from './cluster.ts';
import { EmbeddedTallies } from './tallies.ts';

const REALM = 'acme' as RealmName;

test('what has ended is forgotten, also where nobody asks any more', async () => {
  let now = 1000;
  const cluster = createEmbeddedCluster(() => now);
  const tallies = new EmbeddedTallies(cluster);
  await tallies.report(REALM, 'connections', 'a' as NodeId, 3, 100);
  await tallies.claim(REALM, 'connections', 'b' as NodeId, 2, 10, 300);
  await tallies.reserve(REALM, peerKey(REALM, 'x' as PeerId), 100, 10);
  await tallies.reserve(REALM, peerKey(REALM, 'y' as PeerId), 300, 10);
  const sizes = () => [
    cluster.tallies.get(`${REALM}/connections`)?.size ?? null,
    cluster.bookings.get(REALM)?.size ?? null,
  ];
  expect(sizes()).toEqual([2, 2]);
  now += 200;
  cluster.sweep();
  expect(sizes()).toEqual([1, 1]);
  now += 200;
  cluster.sweep();
  expect(sizes()).toEqual([null, null]);
});
