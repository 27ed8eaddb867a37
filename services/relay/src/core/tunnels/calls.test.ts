import type { NodeId, PeerId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { A, B, C, key, Script } from '../../../../../test/simulation/core-kit.ts';
import { silentLog, World } from '../../../../../test/simulation/world.ts';
import type { PeerKey } from '../address.ts';
import { FieldReader } from '../node-frame-reader.ts';
import type { Directory } from '../ports.ts';
import type { Call, Callee } from './call.ts';
import { Calls } from './calls.ts';
import { TunnelFrame } from './frames.ts';
import type { Lane } from './lane.ts';
import type { TunnelEnd } from './tunnel-end.ts';

const NAMES = new Map<number, string>(Object.entries(TunnelFrame).map(([name, type]) => [type, name]));
const NUMBER = 7;

function setUp() {
  const world = new World();
  const locates = new Script<unknown[], unknown>();
  const events: string[] = [];
  const callees = new Map<PeerKey, Callee>();
  const lanes = new Map<NodeId, Lane>();
  const lane = (node: NodeId): Lane => {
    const control = (frame: Uint8Array): void => {
      const { type, body } = new FieldReader(Buffer.from(frame), 0, frame.length).frame();
      events.push(`${NAMES.get(type)} ${body.u48()} to ${node}`);
    };
    const known = lanes.get(node) ?? ({ control, ends: new Set() } as unknown as Lane);
    lanes.set(node, known);
    return known;
  };
  const calls = new Calls({
    ...{ self: A, clock: world, timers: world, log: silentLog, lane },
    directory: { locateOrStore: locates.call } as unknown as Directory,
    nextWrite: () => 1,
    isDead: () => false,
    callee: (peer) => callees.get(peer),
  });
  const call: Call = { kind: 'peer', from: 'alice' as PeerId, to: key('bob'), ref: 0, meta: new Uint8Array(0) };
  const withdraw = calls.place(call, {
    end: { number: NUMBER } as TunnelEnd,
    accepted: () => events.push('accepted'),
    refused: (refusal) => events.push(`refused ${refusal}`),
  });
  return {
    ...{ calls, callees, events, withdraw, locates },
    run: (ms: number) => world.run(ms, () => false),
    /** The store says where the peer is. */
    found: (node: NodeId) => locates.answer({ kind: 'located', location: { node } }, world),
    take: () => events.splice(0),
  };
}

test('a peer that has moved on is asked where it is now', async () => {
  const { calls, found, run, take } = setUp();
  await found(B);
  expect(take()).toEqual([`call ${NUMBER} to b`]);
  calls.refused(B, NUMBER, 'offline', '');
  await run(100);
  await found(C);
  expect(take()).toEqual([`call ${NUMBER} to c`]);
  calls.accepted(C, NUMBER, 1);
  expect(take()).toEqual(['accepted']);
});

test('a call that is lost is tried again once, whatever its first try is answered later', async () => {
  const { calls, found, run, take, locates } = setUp();
  await found(B);
  calls.lost(B);
  calls.refused(B, NUMBER, 'offline', '');
  calls.refused(B, NUMBER, 'declined', '');
  await run(500);
  expect(locates.open).toBe(1);
  take();
  calls.accepted(B, NUMBER, 31);
  expect(take()).toEqual(['close 31 to b']);
  await found(B);
  expect(take()).toEqual([`call ${NUMBER} to b`]);
  calls.accepted(B, NUMBER, 32);
  expect(take()).toEqual(['accepted']);
  calls.accepted(B, NUMBER, 33);
  expect(take()).toEqual(['close 33 to b']);
});

test('a call that is withdrawn is taken back where it was made, and hears of nothing', async () => {
  const { calls, found, run, take, withdraw } = setUp();
  await found(B);
  take();
  withdraw();
  withdraw();
  expect(take()).toEqual([`withdrawn ${NUMBER} to b`]);
  calls.refused(B, NUMBER, 'offline', '');
  await run(20_000);
  expect(take()).toEqual([]);
});

test('a call that nobody answers ends, and is taken back', async () => {
  const { found, run, take } = setUp();
  await found(B);
  take();
  await run(15_000);
  expect(take()).toEqual([`withdrawn ${NUMBER} to b`, 'refused unavailable']);
});

test('a call of another node is withdrawn by it, or with it', () => {
  const { calls, callees, take, events } = setUp();
  callees.set(key('bob'), {
    called: ({ call }) => {
      events.push('offer');
      return () => events.push(`back ${call.from}`);
    },
  });
  const call: Call = { kind: 'peer', from: 'carol' as PeerId, to: key('bob'), ref: 0, meta: new Uint8Array(0) };
  for (const number of [1, 2, 3]) calls.called(B, number, call);
  calls.called(C, 1, call);
  take();
  calls.withdrawn(B, 1);
  calls.withdrawn(B, 1);
  expect(take()).toEqual(['back carol']);
  calls.lost(B);
  expect(take()).toEqual(['back carol', 'back carol']);
  calls.called(B, 9, { ...call, to: key('nobody') });
  expect(take()).toEqual(['refused 9 to b']);
});
