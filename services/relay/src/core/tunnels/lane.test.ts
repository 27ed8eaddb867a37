import type { NodeId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { A, B, Script, UNAVAILABLE } from '../../../../../test/simulation/core-kit.ts';
import { World } from '../../../../../test/simulation/world.ts';
import { BufferPool } from '../buffers.ts';
import { Counters } from '../counters.ts';
import { SharedBytes } from '../shared-bytes.ts';
import type { TunnelAppendReply } from '../tunnel-ports.ts';
import { EnvelopeBuilders } from './envelope.ts';
import { encodeClose, readTunnelEnvelope, type TunnelEnvelope, TunnelFrame } from './frames.ts';
import { Lane } from './lane.ts';
import { RemoteEnd } from './remote-end.ts';
import type { TunnelEnd } from './tunnel-end.ts';

const KIB = 1024;
const NAMES = new Map<number, string>(Object.entries(TunnelFrame).map(([name, type]) => [type, name]));

function setUp() {
  const world = new World();
  const appends = new Script<[Uint8Array], TunnelAppendReply>();
  const events: string[] = [];
  const dead = new Set<NodeId>();
  const held = new SharedBytes(64 * 1024 * KIB, 16 * 1024 * KIB);
  const lane = new Lane(B, {
    self: A,
    streams: {
      // The builder's memory serves the next envelope later.
      writer: () => ({ append: (envelope) => appends.call(new Uint8Array(envelope)) }),
      start: () => undefined,
      stop: async () => undefined,
    },
    clock: world,
    timers: world,
    counters: new Counters(),
    held,
    pool: new BufferPool(),
    builders: new EnvelopeBuilders(),
    streamBytes: 1000,
    isDead: (node) => dead.has(node),
    onGone: () => events.push('gone'),
    onReset: () => events.push('reset'),
  });
  const end = (number: number): RemoteEnd => {
    const near = {
      fail(reason: string) {
        events.push(`${number} ${reason}`);
        remote.close(reason);
        remote.over(true);
        return false;
      },
    } as unknown as TunnelEnd;
    const remote = new RemoteEnd(near, number, lane);
    return remote;
  };
  return {
    ...{ world, appends, events, dead, held, lane, end },
    run: (ms = 0) => world.run(ms, () => false),
    answer: (reply: TunnelAppendReply) => appends.answer(reply, world),
    /** Run, sequence and frames of the last append, or of another one: `data 5 100`, ... */
    sent: (index = -1) => {
      const envelope = readTunnelEnvelope(appends.calls.at(index)?.[0] as Uint8Array);
      const frames: string[] = [];
      while (envelope?.frames.more) {
        const { type, body } = envelope.frames.frame();
        const name = NAMES.get(type) as string;
        const to = body.u48();
        frames.push(`${name} ${to}${name === 'data' ? ` ${body.view().length}` : ''}`);
      }
      return [envelope?.run, envelope?.sequence, ...frames];
    },
    /** Sequences of all appends, and up to where each says that all is settled. */
    places: () =>
      appends.calls.map(([bytes]) => {
        const { sequence, settled } = readTunnelEnvelope(bytes) as TunnelEnvelope;
        return `${sequence} after ${settled}`;
      }),
  };
}

const OK: TunnelAppendReply = { kind: 'ok' };

test('what is said in one turn travels together: control first, then each end in turn', async () => {
  const { lane, end, run, sent, appends } = setUp();
  const [one, two] = [end(1), end(2)];
  one.data(new Uint8Array(100 * KIB));
  two.data(new Uint8Array(10));
  two.end();
  one.credit(7);
  one.credit(8);
  lane.control(encodeClose(3, 'done'));
  await run();
  expect(appends.calls.length).toBe(1);
  expect(sent()).toEqual([
    1,
    1,
    'close 3',
    'credit 1',
    'data 1 65536',
    'data 2 10',
    'end 2',
    `data 1 ${100 * KIB - 65_536}`,
  ]);
});

test('four appends are under way; what is said meanwhile goes into the next', async () => {
  const { end, run, answer, sent, places, appends } = setUp();
  const one = end(1);
  for (let count = 1; count <= 4; count += 1) {
    one.data(new Uint8Array(count));
    await run();
    expect(sent()).toEqual([1, count, `data 1 ${count}`]);
  }
  one.data(new Uint8Array(5));
  one.data(new Uint8Array(6));
  await run();
  expect(appends.calls.length).toBe(4);
  await answer(OK);
  expect(sent()).toEqual([1, 5, 'data 1 11']);
  for (let count = 0; count < 4; count += 1) await answer(OK);
  one.data(new Uint8Array(1));
  await run();
  expect(places()).toEqual(['1 after 0', '2 after 0', '3 after 0', '4 after 0', '5 after 1', '6 after 5']);
});

test('a large queue goes in pieces, and a small one is not behind it', async () => {
  const { end, run, answer, sent, held } = setUp();
  const [bulk, small] = [end(1), end(2)];
  for (let count = 0; count < 32; count += 1) bulk.data(new Uint8Array(64 * KIB));
  small.data(new Uint8Array(5));
  expect(held.held).toBe(32 * 64 * KIB + 5);
  await run();
  expect(sent(0).slice(2)).toEqual(['data 1 65536', 'data 2 5', 'data 1 65536', 'data 1 65536', 'data 1 65536']);
  for (let count = 0; count < 8; count += 1) await answer(OK);
  expect(held.held).toBe(0);
});

test('an append without an answer is repeated as it was', async () => {
  const { end, run, answer, appends } = setUp();
  end(1).data(new Uint8Array(1));
  await run();
  await answer(UNAVAILABLE);
  await run(5);
  await answer({ kind: 'missing' });
  await run(10);
  const [first, second, third] = appends.calls;
  expect([second, third]).toEqual([first, first]);
  await answer(OK);
  expect(appends.open).toBe(0);
});

test('what is not taken is repeated once all is answered, and before what was said later', async () => {
  const { end, run, answer, places, appends } = setUp();
  const one = end(1);
  for (let count = 1; count <= 3; count += 1) {
    one.data(new Uint8Array(count));
    await run();
  }
  await answer(UNAVAILABLE);
  one.data(new Uint8Array(4));
  await run(1000);
  expect(appends.calls.length).toBe(3);
  await answer({ kind: 'full' });
  await answer(OK);
  await run(5);
  expect(places().slice(3)).toEqual(['1 after 0', '2 after 0']);
  await answer(OK);
  expect(places().slice(5)).toEqual(['4 after 1']);
});

test('a full stream is tried again for half a minute: whoever makes no room by then does not read it', async () => {
  const { lane, end, run, answer, events } = setUp();
  end(1).data(new Uint8Array(1));
  await run();
  for (let waited = 0; waited < 30_000; waited += 250) {
    await answer({ kind: 'full' });
    await run(250);
  }
  expect([events, lane.isFailing]).toEqual([[], true]);
  await answer({ kind: 'full' });
  expect(events).toEqual(['1 unavailable', 'reset']);
});

test('when something is lost all tunnels are closed, and the next run begins', async () => {
  const { end, run, answer, sent, events, held, lane } = setUp();
  const [one] = [end(1), end(2)];
  one.data(new Uint8Array(1));
  await run();
  one.data(new Uint8Array(500));
  lane.reset('lost');
  expect(events).toEqual(['1 lost', '2 lost', 'reset']);
  expect([sent(), lane.ends.size]).toEqual([[2, 1, 'close 1', 'close 2'], 0]);
  await answer(UNAVAILABLE);
  await answer(OK);
  expect(held.held).toBe(0);
  end(3).data(new Uint8Array(4));
  await run();
  expect(sent()).toEqual([2, 2, 'data 3 4']);
});

test('a way that is closed for ten seconds closes its tunnels, and one that opens then does not', async () => {
  const { end, run, answer, sent, events } = setUp();
  end(1).data(new Uint8Array(1));
  await run();
  for (let waited = 0; waited < 10_000; waited += 250) {
    await answer(UNAVAILABLE);
    await run(250);
  }
  expect(events).toEqual([]);
  await answer(UNAVAILABLE);
  expect(events).toEqual(['1 unavailable', 'reset']);
  await answer(UNAVAILABLE);
  await run(250);
  expect(sent()).toEqual([2, 1, 'close 1']);
});

test.each([
  ['the answer says so', { kind: 'gone' }],
  ['there is no answer and it is known to be dead', UNAVAILABLE],
] as const)('a node that is gone closes its tunnels: %s', async (_how, reply) => {
  const { lane, end, run, answer, events, dead, appends } = setUp();
  const one = end(1);
  one.data(new Uint8Array(1));
  await run();
  dead.add(B);
  await answer(reply);
  expect(events).toEqual(['1 node_gone', 'gone']);
  one.data(new Uint8Array(1));
  lane.control(encodeClose(1, ''));
  await run(5000);
  expect(appends.open).toBe(0);
});

test('an answer about what was given up changes nothing', async () => {
  const { lane, end, run, answer, sent } = setUp();
  end(1).data(new Uint8Array(1));
  await run();
  lane.reset('lost');
  await answer(UNAVAILABLE);
  await answer(OK);
  end(2).data(new Uint8Array(1));
  await run();
  expect(sent()).toEqual([2, 2, 'data 2 1']);
});

test('a silent lane with open tunnels asks each second whether all is there', async () => {
  const { lane, end, run, answer, sent, world, appends } = setUp();
  const one = end(1);
  lane.beat(world.now());
  expect(appends.open).toBe(0);
  await run(1000);
  lane.beat(world.now());
  expect(sent()).toEqual([1, 1]);
  lane.beat(world.now() + 5000);
  expect(appends.open).toBe(1);
  await answer(OK);
  one.over(true);
  lane.beat(world.now() + 5000);
  expect(appends.open).toBe(0);
});

test('an end that is over gracefully says what it has to say before it goes', async () => {
  const { lane, end, run, sent } = setUp();
  const one = end(1);
  one.data(new Uint8Array(3));
  one.end();
  one.over(false);
  expect(lane.ends.size).toBe(1);
  await run();
  expect([sent(), lane.ends.size]).toEqual([[1, 1, 'data 1 3', 'end 1'], 0]);
});

test('the last words of an end that is over, when they are lost, are replaced by a close', async () => {
  const { lane, end, run, answer, sent, events } = setUp();
  const one = end(1);
  one.data(new Uint8Array(3));
  one.end();
  one.over(false);
  lane.closeEnds('lost');
  await run();
  expect([sent(), events, lane.ends.size]).toEqual([[1, 1, 'close 1'], [], 0]);
  await answer(OK);
});

test('for a while after the last word a lane asks whether it is still there', async () => {
  const { lane, end, run, answer, sent, world, appends } = setUp();
  const one = end(1);
  one.end();
  one.over(false);
  await run();
  await answer(OK);
  await run(1000);
  lane.beat(world.now());
  expect(sent()).toEqual([1, 2]);
  await answer(OK);
  await run(29_000);
  lane.beat(world.now());
  expect(appends.open).toBe(0);
});

test('a stream that is full is there: what comes before and after it does not add up', async () => {
  const { end, run, answer, events } = setUp();
  end(1).data(new Uint8Array(1));
  await run();
  for (let round = 0; round < 3; round += 1) {
    for (let waited = 0; waited < 9000; waited += 250) {
      await answer(UNAVAILABLE);
      await run(250);
    }
    await answer({ kind: 'full' });
    await run(250);
  }
  expect(events).toEqual([]);
});

test('an end goes behind the last piece of what waits', async () => {
  const { end, run, sent } = setUp();
  const one = end(1);
  one.data(new Uint8Array(150 * KIB));
  one.end();
  await run();
  expect(sent().slice(2)).toEqual(['data 1 65536', 'data 1 65536', `data 1 ${150 * KIB - 131_072}`, 'end 1']);
});

test('an end for which more waits than may is closed, and gives back what it held', async () => {
  const { end, events, held } = setUp();
  const one = end(1);
  one.data(new Uint8Array(10 * 1024 * KIB));
  expect(events).toEqual([]);
  one.data(new Uint8Array(7 * 1024 * KIB));
  expect([events, held.held]).toEqual([['1 overloaded'], 0]);
});
