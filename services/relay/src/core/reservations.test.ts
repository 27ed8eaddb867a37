import { describe, expect, test } from 'vitest';
import { settings } from '../../../../test/simulation/cluster.ts';
import { A, key, UNAVAILABLE } from '../../../../test/simulation/core-kit.ts';
import { World } from '../../../../test/simulation/world.ts';
import type { Directory } from './ports.ts';
import type { Recipient } from './recipient.ts';
import type { Registry } from './registry.ts';
import { Reservations } from './reservations.ts';

/** `missing`: the store does not have this peer's registration. */
function setUp(count: number, ttlMs: number, missing = '') {
  const world = new World();
  const refreshed: string[] = [];
  const lost: string[] = [];
  const unavailable = new Set<string>();
  const recipients = Array.from({ length: count }, (_, i) => {
    return { key: key(`p${i}`), location: { node: A, epoch: i }, state: 'live' };
  });
  const directory = {
    refresh: async (peer: string) => {
      refreshed.push(peer);
      if (unavailable.has(peer)) return UNAVAILABLE;
      return { kind: peer === missing ? 'lost' : 'refreshed' };
    },
  } as unknown as Directory;
  const registry = {
    all: () => recipients.values() as unknown as IterableIterator<Recipient>,
    reclaim: async (recipient: Recipient) => void lost.push(recipient.key),
  } as unknown as Registry;
  const reservations = new Reservations({
    settings: settings(A, { reservationTtlMs: ttlMs }),
    clock: world,
    directory,
    registry,
    onRefreshed: () => undefined,
  });
  const second = async (): Promise<number> => {
    const before = refreshed.length;
    reservations.refresh();
    await world.run(1000, () => false);
    return refreshed.length - before;
  };
  return { refreshed, lost, unavailable, recipients, reservations, second };
}

test('each once in a third of its life, spread evenly', async () => {
  const { refreshed, second } = setUp(95, 30_000);
  const shares: number[] = [];
  for (let i = 0; i < 10; i += 1) shares.push(await second());
  expect([new Set(refreshed).size, refreshed.length]).toEqual([95, 95]);
  expect([Math.max(...shares), Math.min(...shares)]).toEqual([10, 9]);
  await second();
  expect(refreshed[95]).toBe(key('p0'));
});

test('at most 1000 in a second', async () => {
  const { second, refreshed } = setUp(3100, 1500);
  const shares = [await second(), await second(), await second(), await second()];
  expect([shares, new Set(refreshed.slice(0, 3100)).size]).toEqual([[1000, 1000, 1000, 100], 3100]);
});

test('a registration that the store still does not have a second later is made again; one that ends is left alone', async () => {
  const { second, lost, recipients, refreshed } = setUp(3, 30_000, key('p1'));
  (recipients[0] as { state: string }).state = 'leaving';
  for (let i = 0; i < 9; i += 1) await second();
  expect(refreshed).not.toContain(key('p0'));
  expect(refreshed.filter((peer) => peer === key('p1'))).toHaveLength(2);
  expect(lost).toEqual([key('p1')]);
});

test('one that is handed over meanwhile is not made again', async () => {
  const { second, lost, recipients, refreshed } = setUp(3, 30_000, key('p1'));
  while (!refreshed.includes(key('p1'))) await second();
  (recipients[1] as { state: string }).state = 'leaving';
  for (let i = 0; i < 9; i += 1) await second();
  expect(lost).toEqual([]);
});

test('one whose refresh has no answer has its turn again', async () => {
  const { second, refreshed, unavailable } = setUp(2, 9000);
  unavailable.add(key('p0'));
  await second();
  unavailable.clear();
  for (let i = 0; i < 2; i += 1) await second();
  expect(refreshed).toEqual([key('p0'), key('p1'), key('p0')]);
});

describe('in a hurry', () => {
  test('all have their turn as soon as the pace allows; then it is as before', async () => {
    const { second, refreshed, reservations } = setUp(2500, 3_600_000);
    for (let i = 0; i < 10; i += 1) await second();
    const before = refreshed.length;
    expect(before).toBe(30);
    reservations.hurry();
    expect([await second(), await second(), await second()]).toEqual([1000, 1000, 500]);
    expect(new Set(refreshed.slice(before)).size).toBe(2500);
    expect(await second()).toBe(3);
  });

  test('those come first that the store was not asked about since', async () => {
    const { second, refreshed, reservations } = setUp(2000, 3_600_000);
    reservations.hurry();
    await second();
    reservations.hurry();
    await second();
    expect(refreshed.slice(1000, 1003)).toEqual([key('p0'), key('p1'), key('p2')]);
  });

  test('those that are lost are made again a second later', async () => {
    const { second, lost, reservations } = setUp(3, 3_600_000, key('p2'));
    reservations.hurry();
    await second();
    expect(lost).toEqual([]);
    await second();
    expect(lost).toEqual([key('p2')]);
  });
});

test('nobody is there', async () => {
  const { second } = setUp(0, 3000);
  expect(await second()).toBe(0);
});
