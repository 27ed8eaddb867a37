import { type PeerId, ReceiptStatus } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { A, B, come, key, TestCluster, withMethods } from '../../../../test/simulation/core-kit.ts';
import { Policy } from './policy.ts';
import type { Directory, Store } from './ports.ts';

const { queued, rate_limited } = ReceiptStatus;
const BURST = 10;
/** So slow that nothing accrues while a test runs. */
const RATE = { perSecond: 0.001, burst: BURST };

async function setUp() {
  const cluster = new TestCluster();
  const defaults = { peer: { messages: RATE }, caps: { connections: 1, watched: 1 } };
  cluster.policy = new Policy({ defaults }, 1, 65_536);
  const inUse = ({ directory }: Store): Partial<Store> => ({
    directory: withMethods<Directory>(directory, {
      register: async (request) =>
        request.key === key('taken') ? { kind: 'peer_in_use' } : directory.register(request),
    }),
  });
  const { relay } = await cluster.start(A, {}, inUse);
  const { relay: other } = await cluster.start(B);
  const connect = async (peer: string, to = relay) => {
    const client = come(to, peer);
    await cluster.run(300);
    return client;
  };
  return { cluster, relay, other, connect };
}

test('a connection that ends gives back its place, what it watched, and what is left of its bucket', async () => {
  const { cluster, relay, other, connect } = await setUp();
  const alice = await connect('alice');
  alice.say({ type: 'watch', peers: ['bob' as PeerId] });
  for (let id = 1; id <= 4; id++) alice.sendTo('nobody', id);
  await cluster.run(300);
  expect((await connect('carol')).take()).toEqual(['error server_full']);
  alice.hangUp();
  await cluster.run(300);

  const carol = await connect('carol');
  carol.say({ type: 'watch', peers: ['bob' as PeerId] });
  await cluster.run(300);
  expect(carol.take()).toEqual(['welcome', 'presence']);
  carol.hangUp();
  await cluster.run(300);

  const again = await connect('alice', other);
  again.take();
  for (let id = 11; id <= 11 + BURST; id++) again.sendTo('nobody', id);
  await cluster.run(300);
  const receipts = again.take().filter((line) => line.startsWith('receipt'));
  expect(receipts.filter((line) => line.endsWith(` ${queued}`))).toHaveLength(BURST - 4);
  expect(receipts.filter((line) => line.endsWith(` ${rate_limited}`))).toHaveLength(5);
  const accounts = [...relay.tenancy.usage.accounts()].flatMap(([, accounts]) => [...accounts.values()]);
  expect(accounts.filter(({ connections }) => connections > 0)).toEqual([]);
});

test('a registration that is refused takes no place', async () => {
  const { connect } = await setUp();
  expect((await connect('taken')).take()).toEqual(['error peer_in_use']);
  expect((await connect('alice')).take()).toEqual(['welcome']);
});

test('a connection whose token ends is told so and closed', async () => {
  const cluster = new TestCluster();
  let isOver = false;
  cluster.authenticator = {
    ...cluster.authenticator,
    hasEnded: () => (isOver ? { kind: 'refused', code: 'expired', message: 'over' } : null),
  };
  const { relay } = await cluster.start(A);
  const client = await cluster.connect(relay, 'alice');
  await cluster.run(2000);
  expect(client.take()).toEqual([]);
  isOver = true;
  await cluster.run(1100);
  expect([client.take(), client.closedWith]).toEqual([['error expired'], 4003]);
});
