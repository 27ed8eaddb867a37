import { CloseCode, type NodeId } from '@causeway/protocol';
import type { Logger } from '@causeway/service-kit';
import { expect, test } from 'vitest';
import { settings } from '../../../test/simulation/cluster.ts';
import { Client, UNAVAILABLE, withMethods } from '../../../test/simulation/core-kit.ts';
import { openAuthenticator } from '../../../test/simulation/open-authenticator.ts';
import { World } from '../../../test/simulation/world.ts';
import { Policy } from './core/policy.ts';
import type { Relay } from './core/relay.ts';
import { createEmbeddedCluster } from './embedded/cluster.ts';
import { createEmbeddedStore } from './embedded/store.ts';
import { RelayNode } from './node.ts';

const LEASE_MS = 1000;

async function setUp() {
  const world = new World();
  const shared = createEmbeddedCluster(() => world.now());
  const store = createEmbeddedStore(shared);
  const outage = { isOut: false };
  const lines: string[] = [];
  const keep = (_fields: object, text: string): void => {
    lines.push(text);
  };
  const logger = { debug: () => undefined, info: keep, warn: keep, error: keep, child: () => logger };
  const node = new RelayNode({
    settings: (id) => settings(id, { nodeLeaseMs: LEASE_MS }),
    store: {
      ...store,
      inbox: withMethods(store.inbox, {
        open: async (id: NodeId) => (outage.isOut ? UNAVAILABLE : store.inbox.open(id)),
      }),
    },
    clock: world,
    timers: world,
    logger: logger as unknown as Logger,
    authenticator: openAuthenticator,
    tracer: null,
    policy: () => new Policy({}, 0, 65_536),
    connections: () => 0,
  });
  await node.start();
  const run = (ms: number) => world.run(ms, () => false);
  /** As another node would, whose own lease has been steady while this one's ran out. */
  const declareDead = () => {
    const { node: id } = node.settings;
    const record = shared.nodes.get(id);
    if (record !== undefined) shared.nodes.set(id, { ...record, state: 'dead' });
  };
  const come = async (peer: string) => {
    const client = new Client(node as unknown as Relay);
    client.hello(peer);
    await run(10);
    return client;
  };
  return { shared, outage, lines, node, run, declareDead, come, world };
}

test('a node that was declared dead sends its clients away and goes on under another id', async () => {
  const { node, run, declareDead, come, shared, lines } = await setUp();
  const first = node.settings.node;
  const client = await come('bob');
  expect(client.take()).toEqual(['welcome']);
  declareDead();
  await run(2 * LEASE_MS);
  const second = node.settings.node;
  expect([client.take(), client.closedWith]).toEqual([['error internal'], CloseCode.unavailable]);
  expect([second === first, shared.nodes.get(first)?.state, shared.nodes.get(second)?.state]).toEqual([
    false,
    // It reaps what it was itself.
    'reaped',
    'live',
  ]);
  expect(lines).toContain('the node goes on under a new id');
  const again = await come('bob');
  expect([again.take(), node.counters.connectionsOpened, node.gauges(0).registrations]).toEqual([['welcome'], 2, 1]);
  const heard = node.echo(1000);
  await run(100);
  expect(await heard).toBe(true);
});

test('clients that come in between are told to come again, and the node is not ready', async () => {
  const { node, run, declareDead, come, outage } = await setUp();
  declareDead();
  outage.isOut = true;
  await run(LEASE_MS);
  const early = await come('bob');
  expect([early.take(), early.closedWith, await node.echo(1000)]).toEqual([[], CloseCode.unavailable, false]);
  expect(early.say({ type: 'ping', data: new Uint8Array(0) })).toBe(false);
  early.hangUp();
  outage.isOut = false;
  await run(LEASE_MS);
  expect((await come('bob')).take()).toEqual(['welcome']);
});

test('a node that cannot start again goes on trying', async () => {
  const { node, run, declareDead, come, outage, lines } = await setUp();
  declareDead();
  outage.isOut = true;
  await run(70_000);
  expect(lines.filter((line) => line.includes('could not start again')).length).toBe(2);
  outage.isOut = false;
  await run(LEASE_MS);
  expect([(await come('bob')).take(), node.gauges(0).registrations]).toEqual([['welcome'], 1]);
});

test('a node that is stopped while it starts again does not come back', async () => {
  const { node, run, declareDead, outage, shared, world } = await setUp();
  const first = node.settings.node;
  declareDead();
  outage.isOut = true;
  await run(LEASE_MS);
  await node.stop(1000);
  outage.isOut = false;
  await run(60_000);
  expect([[...shared.nodes.keys()], world.pending]).toEqual([[first], 0]);
});
