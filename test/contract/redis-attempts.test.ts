import { afterAll, beforeAll, expect, test } from 'vitest';
import { UNLIMITED_ATTEMPTS } from '../../services/relay/src/core/attempts.ts';
import type { Store } from '../../services/relay/src/core/ports.ts';
import type { Attempt, AttemptLimits } from '../../services/relay/src/core/shared-ports.ts';
import { type RedisDeployment, startRedisCluster } from '../kit/redis.ts';
import { newSubject } from './attempts-contract.ts';
import { HOUR, newNode, newPeer } from './fixtures.ts';
import { connectTo, untilHealthy } from './implementation.ts';

const LIMITS: AttemptLimits = {
  ...UNLIMITED_ATTEMPTS,
  failed_auth: { points: 6, seconds: 60, blockSeconds: 60 },
  hello: { points: 50, seconds: 60, blockSeconds: 60 },
};
/** Of one peer, which each node counts by itself: a tenth. */
const OWN_HELLOS = 5;
const NODES = 3;

let redis: RedisDeployment;
let nodes: Store[];
const commands: string[] = [];
const faults: string[] = [];
beforeAll(async () => {
  redis = await startRedisCluster();
  const onCommand = (name: string, _ms: number, ok: boolean) => {
    if (name === 'attempt') (ok ? commands : faults).push(name);
  };
  nodes = Array.from({ length: NODES }, () => connectTo(redis.url, { attempts: LIMITS, onCommand }));
  await Promise.all(nodes.map(untilHealthy));
});
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.close()));
  await redis.stop();
});

/** Waits of attempts that go round all nodes. */
async function takes(count: number, attempt: Attempt, subject: string): Promise<number[]> {
  const waits: number[] = [];
  for (let at = 0; at < count; at += 1) {
    waits.push((await nodes[at % NODES]?.attempts.take(attempt, subject)) ?? Number.NaN);
  }
  return waits;
}

async function keys(pattern: string): Promise<[name: string, ttl: number][]> {
  const primaries = redis.nodes.filter(({ role }) => role === 'primary');
  const found = await Promise.all(
    primaries.map(async ({ client }) => {
      const names = await client.keys(pattern);
      return Promise.all(names.map(async (name): Promise<[string, number]> => [name, await client.pttl(name)]));
    }),
  );
  return found.flat();
}

test('all nodes count together, and a block holds at each', async () => {
  const subject = newSubject();
  const waits = await takes(12, 'failed_auth', subject);
  expect(waits.filter((wait) => wait === 0)).toHaveLength(6);
  for (const { attempts } of nodes) expect(await attempts.blockedFor('failed_auth', subject)).toBeGreaterThan(50_000);
});

test('who is blocked is refused without a question to Redis', async () => {
  const subject = newSubject();
  await takes(12, 'failed_auth', subject);
  commands.length = 0;
  expect((await takes(30, 'failed_auth', subject)).every((wait) => wait > 0)).toBe(true);
  for (const { attempts } of nodes) await attempts.blockedFor('failed_auth', subject);
  expect(commands).toHaveLength(0);
});

test('that a subject is not blocked is asked once a second at most', async () => {
  const subject = newSubject();
  commands.length = 0;
  for (let at = 0; at < 20; at += 1) await nodes[0]?.attempts.blockedFor('failed_auth', subject);
  expect(commands.length).toBeGreaterThan(0);
  expect(commands.length).toBeLessThan(5);
});

test('the first HELLOs of a peer cost no command, and are the tolerance', async () => {
  const peer = newPeer('{x}:y}');
  commands.length = 0;
  expect((await takes(NODES * OWN_HELLOS, 'hello', peer)).filter((wait) => wait > 0)).toEqual([]);
  expect(commands).toHaveLength(0);
  const waits = await takes(100, 'hello', peer);
  expect(waits.filter((wait) => wait === 0)).toHaveLength(50);
});

test('keys are short, name nobody and have an end', async () => {
  await takes(7, 'failed_auth', '192.0.2.77');
  await takes(40, 'hello', newPeer(`{secret}${'x'.repeat(100)}`));
  const found = await keys('cw:attempts:*');
  expect(found.length).toBeGreaterThan(1);
  for (const [name, ttl] of found) {
    expect(name).toMatch(/^cw:attempts:(failed_auth|hello):[\w-]{22}$/);
    expect(ttl).toBeGreaterThan(0);
  }
});

test('what realms hold has an end in Redis', async () => {
  const key = newPeer();
  const realm = key.slice(0, key.indexOf('/')) as Parameters<Store['tallies']['claim']>[0];
  await nodes[0]?.tallies.claim(realm, 'connections', newNode(), 1, 10, HOUR);
  await nodes[0]?.tallies.report(realm, 'watched', newNode(), 1, HOUR);
  await nodes[0]?.tallies.reserve(realm, key, HOUR, 10);
  const found = await keys(`cw:{r:${realm}}:*`);
  expect(found.map(([name]) => name.slice(`cw:{r:${realm}}:`.length)).sort()).toEqual([
    'reservations',
    'tally:connections',
    'tally:watched',
  ]);
  for (const [, ttl] of found) expect(ttl).toBeGreaterThan(HOUR / 2);
});

test('without Redis each node counts by itself; nothing fails, and a block is kept', async () => {
  const [blocked, subject] = [newSubject(), newSubject()];
  await takes(12, 'failed_auth', blocked);
  await Promise.all(redis.nodes.map((node) => node.kill('SIGKILL')));
  expect((await takes(3, 'failed_auth', blocked)).every((wait) => wait > 0)).toBe(true);
  const waits = await takes(60, 'failed_auth', subject);
  expect(waits.filter((wait) => wait === 0)).toHaveLength(6 * NODES);
  for (const { attempts } of nodes) expect(await attempts.blockedFor('failed_auth', subject)).toBeGreaterThan(0);
  expect(await nodes[0]?.attempts.blockedFor('failed_auth', newSubject())).toBe(0);
  expect(faults.length).toBeGreaterThan(0);
});
