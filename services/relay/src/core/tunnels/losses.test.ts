import type { PeerId, RelayFrame } from '@causeway/protocol';
import { beforeEach, expect, test } from 'vitest';
import { A, B, type Client, TestCluster, type TestNode } from '../../../../../test/simulation/core-kit.ts';

let cluster: TestCluster;
let nodes: readonly [TestNode, TestNode];
/** Whether what the first node appends is lost although the store says that it has it. */
let loses: boolean;

beforeEach(async () => {
  cluster = new TestCluster();
  loses = false;
  const a = await cluster.start(A, {}, ({ tunnels }) => ({
    tunnels: {
      writer: (to, maxBytes) => {
        const writer = tunnels.writer(to, maxBytes);
        return { append: async (envelope) => (loses ? { kind: 'ok' } : writer.append(envelope)) };
      },
      start: (node, onEnvelopes) => tunnels.start(node, onEnvelopes),
      stop: () => tunnels.stop(),
    },
  }));
  nodes = [a, await cluster.start(B)];
});

async function tunnel(): Promise<[alice: Client, bob: Client]> {
  const [alice, bob] = [await cluster.connect(nodes[0].relay, 'alice'), await cluster.connect(nodes[1].relay, 'bob')];
  alice.say({ type: 'tunnel_connect', ref: 1, to: 'bob' as PeerId });
  await cluster.run(50);
  bob.say({ type: 'tunnel_accept', tunnel: 1, accept: true });
  await cluster.run(50);
  alice.take();
  bob.take();
  return [alice, bob];
}

const reasons = ({ frames }: Client): string[] =>
  frames.flatMap((one: RelayFrame) => (one.type === 'tunnel_close' ? [one.reason] : []));
const send = (client: Client, bytes: number): boolean =>
  client.say({ type: 'tunnel_data', tunnel: 1, bytes: new Uint8Array(bytes) });

test('bytes that are lost between two nodes close the tunnel for both, and what comes behind them is not given', async () => {
  const [alice, bob] = await tunnel();
  loses = true;
  send(alice, 10);
  await cluster.run(50);
  loses = false;
  send(alice, 20);
  await cluster.run(50);
  expect([reasons(alice), reasons(bob)]).toEqual([['lost'], ['lost']]);
  expect(bob.take()).toEqual(['tunnel_close']);
  expect(nodes.map(({ relay }) => relay.gauges(0).tunnelEnds)).toEqual([0, 0]);
});

test('the last bytes that are lost are missed without others behind them', async () => {
  const [alice, bob] = await tunnel();
  loses = true;
  send(alice, 10);
  await cluster.run(50);
  loses = false;
  await cluster.run(3000);
  expect([reasons(alice), reasons(bob)]).toEqual([['lost'], ['lost']]);
});

test('a node that dies closes the tunnels with it', async () => {
  const [alice, bob] = await tunnel();
  send(alice, 10);
  await cluster.run(50);
  nodes[0].kill();
  await cluster.run(20_000);
  expect(reasons(bob)).toEqual(['node_gone']);
  expect(nodes[1].relay.gauges(0).tunnelEnds).toBe(0);
});

/** An offer that Bob does not answer. */
async function offer(): Promise<Client> {
  const [alice, bob] = [await cluster.connect(nodes[0].relay, 'alice'), await cluster.connect(nodes[1].relay, 'bob')];
  alice.say({ type: 'tunnel_connect', ref: 1, to: 'bob' as PeerId });
  await cluster.run(50);
  expect(bob.take()).toContain('tunnel_offer');
  return bob;
}

test('an offer of a node that dies is taken back', async () => {
  const bob = await offer();
  nodes[0].kill();
  await cluster.run(9000);
  expect(reasons(bob)).toEqual(['peer_gone']);
});

test('an offer of a node of which something is lost is taken back: it may not be wanted any more', async () => {
  const bob = await offer();
  const carol = await cluster.connect(nodes[0].relay, 'carol');
  const call = async (ref: number): Promise<void> => {
    carol.say({ type: 'tunnel_connect', ref, to: 'bob' as PeerId });
    await cluster.run(50);
  };
  loses = true;
  await call(1);
  loses = false;
  await call(2);
  expect(reasons(bob)).toEqual(['peer_gone']);
});
