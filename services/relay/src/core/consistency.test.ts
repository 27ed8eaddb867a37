import type { NodeId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { A, B, key, TestCluster, UNAVAILABLE, withMethods } from '../../../../test/simulation/core-kit.ts';
import type { Check } from './consistency.ts';
import type { Store } from './ports.ts';

/** Two nodes with two clients on the first, whose store is as `change` makes it. */
async function setUp(change: (store: Store) => Partial<Store> = () => ({})) {
  const cluster = new TestCluster();
  const sockets = { count: 2 };
  const { relay } = await cluster.start(A, {}, change, undefined, () => sockets.count);
  const far = await cluster.start(B);
  const alice = await cluster.connect(relay, 'alice');
  const bob = await cluster.connect(relay, 'bob');
  const carol = await cluster.connect(far.relay, 'carol');
  alice.sendTo('carol', 1);
  await cluster.run(10);
  const report = async () => {
    const promise = relay.checkConsistency();
    await cluster.run(5000);
    return promise;
  };
  const faults = async () => (await report()).checks.filter(({ ok }) => !ok);
  return { cluster, relay, sockets, alice, bob, carol, report, faults };
}

const named = (checks: readonly Check[]): string[] => checks.map(({ name }) => name);

test('what is counted is what is there', async () => {
  const { report } = await setUp();
  const { ok, checks } = await report();
  expect([ok, checks.every((check) => check.ok)]).toEqual([true, true]);
  expect(checks.map(({ name, expected }) => [name, expected])).toEqual([
    ['connections', 2],
    ['registrations', 2],
    ['link_bytes', expect.any(Number)],
    ['inbox_bytes', expect.any(Number)],
    ['locations', 2],
    ['stored_locations', 2],
    ['lasting_keys', 0],
  ]);
});

test('frames that wait for another node are accounted for', async () => {
  const { alice, cluster, report } = await setUp((store) => ({
    links: withMethods(store.links, { append: async () => UNAVAILABLE }),
  }));
  alice.sendTo('carol', 2, 0, 500);
  await cluster.run(10);
  const { ok, checks } = await report();
  expect(ok).toBe(true);
  expect(checks.find(({ name }) => name === 'link_bytes')?.expected).toBeGreaterThan(500);
});

test('a client that has gone is no inconsistency', async () => {
  const { bob, sockets, report } = await setUp();
  bob.hangUp();
  sockets.count -= 1;
  expect((await report()).ok).toBe(true);
});

test('a gauge that is wrong', async () => {
  const { sockets, faults } = await setUp();
  sockets.count = 3;
  expect(await faults()).toMatchObject([{ name: 'connections', expected: 2, actual: 3 }]);
});

test('a location that the store has lost, or given to another, and one of nobody here', async () => {
  const { cluster, faults } = await setUp();
  const alice = cluster.shared.peers.get(key('alice'));
  if (alice?.location?.owner == null) throw new Error('alice has no location');
  const { owner } = alice.location;
  alice.location = null;
  const lost = await faults();
  expect(lost).toMatchObject([{ name: 'locations', expected: 2, actual: 1 }]);
  expect(lost[0]?.detail).toContain('r/alice is offline');

  const bob = cluster.shared.peers.get(key('bob'));
  if (bob?.location?.owner == null) throw new Error('bob has no location');
  const before = bob.location.owner;
  bob.location.owner = { ...before, node: 'x' as NodeId };
  expect((await faults())[0]?.detail).toContain('r/bob is on x');
  bob.location.owner = { ...owner, epoch: before.epoch + 1 };
  expect(named(await faults())).toEqual(['locations', 'stored_locations']);
});

test('an account of the inbox that is wrong', async () => {
  const { cluster, faults } = await setUp();
  const log = cluster.shared.logs.get(A);
  if (log === undefined) throw new Error('there is no inbox');
  log.bytes += 100;
  const [fault, ...others] = await faults();
  expect(fault).toMatchObject({ name: 'inbox_bytes', actual: (fault?.expected ?? 0) + 100 });
  expect(others).toEqual([]);
});

test('keys that do not end, which are named', async () => {
  const lasting = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7'];
  const { faults } = await setUp((store) => ({
    audit: withMethods(store.audit, {
      keys: async () => ({ kind: 'keys', looked: 900, located: [], lasting }),
    }),
  }));
  const [fault] = await faults();
  expect(fault).toMatchObject({ name: 'lasting_keys', expected: 0, actual: 7 });
  expect(fault?.detail).toMatch(/^900 keys .*: k1, k2, k3, k4, k5 and 2 more$/);
});

test('what only looked so for a moment does not count', async () => {
  const { sockets, cluster, relay } = await setUp();
  sockets.count = 3;
  const promise = relay.checkConsistency();
  await cluster.run(100);
  sockets.count = 2;
  await cluster.run(1000);
  expect((await promise).ok).toBe(true);
});

test('a store that does not answer is not called consistent', async () => {
  const { faults } = await setUp((store) => ({
    audit: withMethods(store.audit, { inbox: async () => UNAVAILABLE, keys: async () => UNAVAILABLE }),
    directory: withMethods(store.directory, { locateOrStore: async () => UNAVAILABLE }),
  }));
  const found = await faults();
  expect(named(found)).toEqual(['inbox_bytes', 'locations', 'stored_locations', 'lasting_keys']);
  for (const { detail } of found) expect(detail).toBe('not checked: scripted');
});

test('those who ask together share one report', async () => {
  let audits = 0;
  const { cluster, relay } = await setUp((store) => ({
    audit: withMethods(store.audit, {
      inbox: async () => {
        audits += 1;
        return { kind: 'inbox', account: 1, contents: null };
      },
    }),
  }));
  const both = Promise.all([relay.checkConsistency(), relay.checkConsistency()]);
  await cluster.run(5000);
  const [first, second] = await both;
  expect([first === second, audits, first.ok]).toEqual([true, 1, true]);
});
