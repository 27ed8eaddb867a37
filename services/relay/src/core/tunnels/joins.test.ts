import type { PeerId, RelayFrame } from '@causeway/protocol';
import { beforeEach, expect, test } from 'vitest';
import {
  A,
  B,
  type Client,
  REALM,
  TestCluster,
  type TestNode,
  withMethods,
} from '../../../../../test/simulation/core-kit.ts';
import type { Store } from '../ports.ts';
import type { Attempt } from '../shared-ports.ts';

/** No join that fails is answered sooner. */
const LEAST_MS = 500;

let cluster: TestCluster;
let node: TestNode;
/** What was counted: `<attempt> <subject>`. */
let counted: string[];
/** So much counted blocks the address. */
let blockAt: number;
/** What counting and asking answer: for how long to wait, ms. */
let wait: { taken: number; blocked: Partial<Record<Attempt, number>> };

beforeEach(async () => {
  cluster = new TestCluster();
  counted = [];
  blockAt = Number.POSITIVE_INFINITY;
  wait = { taken: 0, blocked: {} };
  let seed = 0;
  const randomHex = (bytes: number): string => {
    seed += 7919;
    return seed.toString(16).padStart(bytes * 2, '0');
  };
  const attempts: Store['attempts'] = {
    async take(attempt, subject) {
      if (attempt.startsWith('join')) counted.push(`${attempt} ${subject}`);
      if (counted.length >= blockAt) wait.blocked = { join: 900 };
      return attempt === 'join_room' ? wait.taken : 0;
    },
    blockedFor: async (attempt) => wait.blocked[attempt] ?? 0,
  };
  node = await cluster.start(A, { randomHex }, () => ({ attempts }));
});

const connect = (peer: string): Promise<Client> => cluster.connect(node.relay, peer);

async function openRoom(owner: Client, ref: number, ttlMs?: number): Promise<string> {
  owner.say({ type: 'room_create', ref, ...(ttlMs !== undefined && { ttlMs }) });
  await cluster.run(10);
  const frame = owner.frames.findLast((one) => one.type === 'room_created');
  return (frame as Extract<RelayFrame, { type: 'room_created' }>).code;
}

/** The answer, and after how many milliseconds it came. */
async function join(client: Client, ref: number, code: string): Promise<[frame: unknown, ms: number]> {
  const since = cluster.world.now();
  let answer: RelayFrame | undefined;
  client.say({ type: 'room_join', ref, code });
  await cluster.world.run(5000, () => {
    answer = client.frames.find((one) => (one.type === 'error' || one.type === 'tunnel_open') && one.ref === ref);
    return answer !== undefined;
  });
  return [answer, cluster.world.now() - since];
}

const noRoom = (ref: number) => [{ type: 'error', code: 'no_room', message: 'no such room', ref }, LEAST_MS];

test('joins that fail are answered alike and after the same time, whatever they met', async () => {
  const [owner, away, joiner] = [await connect('owner'), await connect('away'), await connect('joiner')];
  const taken = await openRoom(owner, 1);
  const expired = await openRoom(owner, 2, 1);
  const ownerless = await openRoom(away, 1);
  away.hangUp();
  await cluster.run(3000);
  expect(await join(joiner, 1, taken)).toMatchObject([{ type: 'tunnel_open' }, 0]);
  let ref = 10;
  for (const code of ['7777', taken, expired, ownerless, '', 'copper', '1'.repeat(13)]) {
    expect(await join(joiner, ref, code)).toEqual(noRoom(ref));
    ref += 1;
  }
});

test('of joins at once, those beyond the limit are not tried: the first ones count before', async () => {
  const [owner, joiner] = [await connect('owner'), await connect('joiner')];
  const code = await openRoom(owner, 1);
  for (let ref = 1; ref <= 12; ref += 1) joiner.say({ type: 'room_join', ref, code: '7777' });
  joiner.say({ type: 'room_join', ref: 13, code });
  blockAt = 5 * 3;
  await cluster.run(1000);
  blockAt = Number.POSITIVE_INFINITY;
  const answers = joiner.frames.flatMap((one) => (one.type === 'error' ? [one.code] : []));
  expect(answers.filter((answer) => answer === 'no_room').length).toBeLessThan(10);
  expect(joiner.frames.some(({ type }) => type === 'tunnel_open')).toBe(false);
  wait.blocked = {};
  expect(await join(joiner, 20, code)).toMatchObject([{ type: 'tunnel_open' }, 0]);
});

test('a joiner that goes while the owner is looked for leaves the room to others', async () => {
  const never = new Promise<never>(() => undefined);
  node = await cluster.start(B, {}, ({ directory }) => ({
    directory: withMethods(directory, { locateOrStore: () => never }),
  }));
  const [owner, joiner] = [await connect('owner'), await connect('joiner')];
  const code = await openRoom(owner, 1);
  owner.hangUp();
  joiner.say({ type: 'room_join', ref: 1, code });
  await cluster.run(10);
  expect(await node.store.rooms.take(REALM, code)).toEqual({ kind: 'none' });
  joiner.hangUp();
  await cluster.run(10);
  expect(await node.store.rooms.take(REALM, code)).toMatchObject({ kind: 'taken', room: { code } });
});

test('a room whose owner was away is still there', async () => {
  const [away, joiner] = [await connect('away'), await connect('joiner')];
  const code = await openRoom(away, 1);
  away.hangUp();
  await cluster.run(3000);
  expect(await join(joiner, 1, code)).toEqual(noRoom(1));
  await connect('away');
  expect(await join(joiner, 2, code)).toMatchObject([{ type: 'tunnel_open', ref: 2 }, 0]);
});

test('a join that fails counts for the address, the room and all; one that succeeds for none', async () => {
  const [owner, joiner] = [await connect('owner'), await connect('joiner')];
  await join(joiner, 1, await openRoom(owner, 1));
  expect(counted).toEqual([]);
  await join(joiner, 2, '7777');
  expect(counted).toEqual(['join 127.0.0.1', 'join_room r/7777', 'join_all all']);
  await join(joiner, 3, 'copper');
  expect(counted.slice(3)).toEqual(['join 127.0.0.1', 'join_room r/', 'join_all all']);
});

test('the join that was one too many says for how long, in whole milliseconds', async () => {
  const joiner = await connect('joiner');
  wait.taken = 1234.5;
  const [frame, ms] = await join(joiner, 1, '7777');
  expect(frame).toMatchObject({ code: 'rate_limited', retryAfterMs: 1235, ref: 1 });
  expect(ms).toBe(LEAST_MS);
  expect(joiner.closedWith).toBe(0);
});

test.each(['join', 'join_room', 'join_all'] as const)(
  'while %s is blocked the right code is refused, at once and at no cost, and the room stays',
  async (attempt) => {
    const [owner, joiner] = [await connect('owner'), await connect('joiner')];
    const code = await openRoom(owner, 1);
    wait.blocked = { [attempt]: 900.25 };
    const refused = { type: 'error', code: 'rate_limited', message: 'too many joins have failed' };
    expect(await join(joiner, 1, code)).toEqual([{ ...refused, ref: 1, retryAfterMs: 901 }, 0]);
    expect(counted).toEqual([]);
    wait.blocked = {};
    expect(await join(joiner, 2, code)).toMatchObject([{ type: 'tunnel_open' }, 0]);
  },
);

test('an owner that has as many tunnels as it may is not reached, and its room stays', async () => {
  const joiner = await connect('joiner');
  const first = await connect('owner');
  const code = await openRoom(first, 1);
  first.hangUp();
  await cluster.run(3000);
  const owner = await connect('owner');
  for (let ref = 2; ref < 18; ref += 1) await openRoom(owner, ref);
  expect(await join(joiner, 1, code)).toEqual(noRoom(1));
  owner.hangUp();
  await cluster.run(3000);
  await connect('owner');
  expect(await join(joiner, 2, code)).toMatchObject([{ type: 'tunnel_open' }, 0]);
});

test('a peer has so many offers that it has not answered, and no more', async () => {
  const called = await connect('called');
  const callers = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name) => connect(name)));
  for (const caller of callers)
    for (let ref = 1; ref <= 4; ref += 1) caller.say({ type: 'tunnel_connect', ref, to: 'called' as PeerId });
  await cluster.run(50);
  expect(called.take().filter((line) => line === 'tunnel_offer')).toHaveLength(32);
  const refused = callers.map((caller) => caller.take().filter((line) => line === 'error tunnel_limit').length);
  expect(refused).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 4]);
});
