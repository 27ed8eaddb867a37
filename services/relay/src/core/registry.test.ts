import { CloseCode, DeliverFlag, ReceiptStatus } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import {
  A,
  B,
  C,
  type Client,
  come,
  key,
  Script,
  TestCluster,
  UNAVAILABLE,
  withMethods,
} from '../../../../test/simulation/core-kit.ts';
import type { Mailbox, RegisterReply, RegisterRequest, Store } from './ports.ts';

const { delivered, queued, unavailable } = ReceiptStatus;
const AGAIN = ` flags ${DeliverFlag.stored | DeliverFlag.again}`;
const BOB = key('bob');

async function setUp() {
  const cluster = new TestCluster();
  const [a, b, c] = [await cluster.start(A), await cluster.start(B), await cluster.start(C)];
  const state = () => {
    const location = cluster.shared.peers.get(BOB)?.location;
    return [location?.owner?.node ?? null, location?.prev.length ?? 0];
  };
  return { cluster, a: a.relay, b: b.relay, c: c.relay, state };
}

describe('a newer connection', () => {
  test('takes over on the same node, with what the first one had not acknowledged', async () => {
    const { cluster, a, state } = await setUp();
    const alice = await cluster.connect(a, 'alice');
    const first = await cluster.connect(a, 'bob');
    for (const id of [1, 2]) alice.sendTo('bob', id);
    first.say({ type: 'ack', seq: 1 });
    const second = come(a);
    await cluster.run(1);
    alice.sendTo('bob', 3);
    await cluster.run(20);
    expect([first.closedWith, ...second.take()]).toEqual([
      CloseCode.replaced,
      'welcome',
      `deliver 1 alice 2${AGAIN}`,
      'deliver 2 alice 3',
    ]);
    second.say({ type: 'ack', seq: 2 });
    expect(alice.take()).toEqual([`receipt 1 ${delivered}`, `receipt 2 ${queued}`, `receipt 3 ${delivered}`]);
    expect([state(), a.counters.handovers, a.counters.spills.handover]).toEqual([[A, 0], 1, 1]);
  });

  test('takes over on another node, and what still goes to the first one follows', async () => {
    const { cluster, a, b, c, state } = await setUp();
    const alice = await cluster.connect(c, 'alice');
    const first = await cluster.connect(a, 'bob');
    alice.sendTo('bob', 1);
    await cluster.run(20);
    expect(first.take()).toEqual(['deliver 1 alice 1']);
    const second = come(b);
    await cluster.run(50);
    expect(first.closedWith).toBe(CloseCode.replaced);
    alice.sendTo('bob', 2);
    await cluster.run(50);
    expect(second.take()).toEqual(['welcome', `deliver 1 alice 1${AGAIN}`, 'deliver 2 alice 2']);
    second.say({ type: 'ack', seq: 2 });
    await cluster.run(50);
    expect(alice.take()).toEqual([`receipt 1 ${queued}`, `receipt 2 ${delivered}`]);
    expect([state(), a.counters.handovers]).toEqual([[B, 0], 1]);
    expect(c.counters.returnedNamed + c.counters.returnedUnknown).toBe(1);
    expect(c.counters.messages.remote).toBe(3);
  });

  test.each([
    ['from node to node and back', 'abca'],
    ['to the same node several times', 'aabbaa'],
    ['eight times at once', 'abcabcabc'],
  ])('and another, and another: %s', async (_name, way) => {
    const { cluster, a, b, c, state } = await setUp();
    const nodes = { a, b, c };
    const alice = await cluster.connect(c, 'alice');
    const clients: Client[] = [];
    let id = 0;
    for (const node of way) {
      clients.push(come(nodes[node as 'a']));
      alice.sendTo('bob', ++id);
      await cluster.run(1);
    }
    await cluster.run(200);
    const last = clients.at(-1) as Client;
    alice.sendTo('bob', ++id);
    await cluster.run(50);
    expect(clients.slice(0, -1).map(({ closedWith }) => closedWith)).toEqual(
      clients.slice(0, -1).map(() => CloseCode.replaced),
    );
    const shown = clients.flatMap(({ told }) => told.filter((line) => line.startsWith('deliver')));
    const order = [...new Set(shown.map((line) => Number(line.split(' ')[3])))];
    expect(order).toEqual(Array.from({ length: id }, (_, i) => i + 1));
    expect([last.closedWith, state()]).toEqual([0, [way.at(-1), 0]]);
    const open = [a, b, c].map((relay) => relay.gauges(0).registrations);
    expect(open.reduce((sum, count) => sum + count)).toBe(2);
  });
});

test('a client that goes while it is registered hands over what came for it', async () => {
  const { cluster, a, b, state } = await setUp();
  const alice = await cluster.connect(b, 'alice');
  const bob = await cluster.connect(a, 'bob');
  const second = come(b);
  alice.sendTo('bob', 1);
  second.hangUp();
  await cluster.run(50);
  bob.hangUp();
  await cluster.run(50);
  expect([alice.take().at(-1), state()]).toEqual([`receipt 1 ${queued}`, [null, 0]]);
  expect([a, b].map((relay) => relay.gauges(0).registrations)).toEqual([0, 1]);
});

test('what concerns a registration waits for its late answer', async () => {
  const cluster = new TestCluster();
  const late = new Script<[], void>();
  const a = await cluster.start(A, {}, ({ directory }) => ({
    directory: withMethods(directory, {
      async register(request: RegisterRequest): Promise<RegisterReply> {
        const reply = await directory.register(request);
        await late.call();
        return reply;
      },
    }),
  }));
  const b = await cluster.start(B);
  const alice = await cluster.connect(b.relay, 'alice');
  const first = come(a.relay);
  await cluster.run(5);
  alice.sendTo('bob', 1);
  const second = come(b.relay);
  await cluster.run(100);
  expect([second.take(), alice.take()]).toEqual([['welcome'], []]);
  await late.answer(undefined, cluster.world);
  await cluster.run(100);
  expect([first.closedWith, second.take()]).toEqual([CloseCode.replaced, [`deliver 1 alice 1${AGAIN}`]]);
});

describe('a registration whose answer never came', () => {
  /** A node whose registrations are made, but whose answers are lost. */
  async function deaf() {
    const cluster = new TestCluster();
    let isDeaf = true;
    const { relay: a } = await cluster.start(A, {}, ({ directory }) => ({
      directory: withMethods(directory, {
        async register(request: RegisterRequest): Promise<RegisterReply> {
          const reply = await directory.register(request);
          return isDeaf && request.key === BOB ? UNAVAILABLE : reply;
        },
      }),
    }));
    const { relay: b } = await cluster.start(B);
    const client = come(a);
    await cluster.run(5000);
    expect([client.take(), client.closedWith]).toEqual([['error unavailable'], CloseCode.unavailable]);
    client.hangUp();
    isDeaf = false;
    return { cluster, a, b };
  }

  test.each(['a', 'b'] as const)('ends as soon as the peer registers on node %s', async (node) => {
    const { cluster, ...relays } = await deaf();
    const alice = await cluster.connect(relays.b, 'alice');
    const bob = come(relays[node]);
    await cluster.run(100);
    alice.sendTo('bob', 1);
    await cluster.run(100);
    expect(bob.take()).toEqual(['welcome', 'deliver 1 alice 1']);
    expect(cluster.shared.peers.get(BOB)?.location?.prev).toEqual([]);
  });

  test('ends when messages for the peer come to its node and find nobody', async () => {
    const { cluster, a, b } = await deaf();
    const here = await cluster.connect(a, 'alice');
    here.sendTo('bob', 1);
    await cluster.run(3000);
    expect(here.take().at(0)).toBe(`receipt 1 ${unavailable}`);
    expect(cluster.shared.peers.get(BOB)?.location?.owner).toBeNull();
    const there = await cluster.connect(b, 'carol');
    there.sendTo('bob', 1);
    await cluster.run(100);
    expect(there.take()).toEqual([`receipt 1 ${queued}`]);
  });
});

describe('the end of a registration whose answer is lost', () => {
  /** A node whose answers about the end of bob's registration are lost for a while, though it takes effect. */
  async function setUpLost(forMs: number, register = true) {
    const cluster = new TestCluster();
    const end = { at: 0 };
    const change = ({ mailbox, directory }: Store): Partial<Store> => ({
      mailbox: withMethods(mailbox, {
        async append(...args: Parameters<Mailbox['append']>) {
          if (end.at === 0 && args[5] !== null) end.at = cluster.world.now() + forMs;
          else if (end.at > cluster.world.now()) return UNAVAILABLE;
          const reply = await mailbox.append(...args);
          return end.at > cluster.world.now() ? UNAVAILABLE : reply;
        },
      }),
      directory: withMethods(directory, {
        async register(request: RegisterRequest): Promise<RegisterReply> {
          const reply = await directory.register(request);
          return register || request.key !== BOB ? reply : UNAVAILABLE;
        },
      }),
    });
    const { relay: a } = await cluster.start(A, {}, change);
    const { relay: b } = await cluster.start(B);
    return { cluster, a, b };
  }

  test.each([500, 5000])('for %i ms: its successor gets its turn', async (forMs) => {
    const { cluster, a, b } = await setUpLost(forMs);
    const alice = await cluster.connect(b, 'alice');
    const first = await cluster.connect(a, 'bob');
    alice.sendTo('bob', 1);
    await cluster.run(20);
    expect(first.take()).toEqual(['deliver 1 alice 1']);
    const second = come(b);
    await cluster.run(100);
    const carol = await cluster.connect(b, 'carol');
    carol.sendTo('bob', 2);
    await cluster.run(forMs + 1000);
    expect(second.take()).toEqual(['welcome', `deliver 1 alice 1${AGAIN}`, 'deliver 2 carol 2']);
    expect(alice.take().filter((line) => line.startsWith('receipt 1')).length).toBe(1);
  });

  test('of one that nobody holds: its successor gets its turn', async () => {
    const { cluster, a, b } = await setUpLost(500, false);
    come(a);
    await cluster.run(5000);
    const alice = await cluster.connect(b, 'alice');
    const bob = come(b);
    await cluster.run(2000);
    alice.sendTo('bob', 1);
    await cluster.run(20);
    expect(bob.take()).toEqual(['welcome', 'deliver 1 alice 1']);
  });
});

describe('two registrations of one node', () => {
  /** A node whose mailbox writes take effect at once and are answered by the test. */
  async function setUpSlow() {
    const cluster = new TestCluster();
    const answers = new Script<[], void>();
    const { relay: a } = await cluster.start(A, {}, ({ mailbox }) => ({
      mailbox: withMethods(mailbox, {
        async append(...args: Parameters<Mailbox['append']>) {
          const reply = await mailbox.append(...args);
          await answers.call();
          return reply;
        },
      }),
    }));
    const alice = await cluster.connect(a, 'alice');
    const first = await cluster.connect(a, 'bob');
    first.hangUp();
    await cluster.run(5);
    const answer = () => answers.answer(undefined, cluster.world);
    return { cluster, a, alice, answer };
  }

  test('the second one waits for the first one to end here, also if it has ended in the store', async () => {
    const { cluster, a, alice, answer } = await setUpSlow();
    alice.sendTo('bob', 1);
    const second = come(a);
    await cluster.run(5);
    alice.sendTo('bob', 2);
    expect(second.take()).toEqual(['welcome']);
    await answer();
    expect(second.take()).toEqual(['deliver 1 alice 1', 'deliver 2 alice 2']);
  });

  test('a client that goes when it is given the first of what has waited leaves the rest in its mailbox', async () => {
    const { cluster, a, alice, answer } = await setUpSlow();
    const second = come(a);
    await cluster.run(5);
    // More than one write takes.
    const ids = Array.from({ length: 200 }, (_, i) => i + 1);
    for (const id of ids) alice.sendTo('bob', id);
    second.onTold = (line) => {
      if (line === 'deliver 1 alice 1') second.hangUp();
    };
    for (let writes = 0; writes < 3; writes += 1) await answer();
    expect(alice.take()).toEqual(ids.map((id) => `receipt ${id} ${queued}`));
    expect(second.take()).toEqual(['welcome', 'deliver 1 alice 1']);
  });
});
