import { expect, test } from 'vitest';
import { settings } from '../../../../test/simulation/cluster.ts';
import { A, key } from '../../../../test/simulation/core-kit.ts';
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
  const recipients = Array.from({ length: count }, (_, i) => {
    const one = { key: key(`p${i}`), location: { node: A, epoch: i }, state: 'live', lost: () => lost.push(one.key) };
    return one;
  });
  const directory = {
    refresh: async (peer: string) => {
      refreshed.push(peer);
      return { kind: peer === missing ? 'lost' : 'refreshed' };
    },
  } as unknown as Directory;
  const registry = { all: () => recipients.values() as unknown as IterableIterator<Recipient> } as Registry;
  const reservations = new Reservations({
    settings: settings(A, { reservationTtlMs: ttlMs }),
    clock: world,
    directory,
    registry,
  });
  const second = async (): Promise<number> => {
    const before = refreshed.length;
    reservations.refresh();
    await world.run(1000, () => false);
    return refreshed.length - before;
  };
  return { refreshed, lost, recipients, second };
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

test('at most 500 in a second', async () => {
  const { second, refreshed } = setUp(2100, 3000);
  const shares = [await second(), await second(), await second(), await second(), await second()];
  expect([shares, new Set(refreshed.slice(0, 2100)).size]).toEqual([[500, 500, 500, 500, 100], 2100]);
});

test('a registration that the store still does not have a second later is told so; one that ends is left alone', async () => {
  const { second, lost, recipients, refreshed } = setUp(3, 30_000, key('p1'));
  (recipients[0] as { state: string }).state = 'leaving';
  for (let i = 0; i < 9; i += 1) await second();
  expect(refreshed).not.toContain(key('p0'));
  expect(refreshed.filter((peer) => peer === key('p1'))).toHaveLength(2);
  expect(lost).toEqual([key('p1')]);
});

test('one that is handed over meanwhile is not sent away', async () => {
  const { second, lost, recipients, refreshed } = setUp(3, 30_000, key('p1'));
  while (!refreshed.includes(key('p1'))) await second();
  (recipients[1] as { state: string }).state = 'leaving';
  for (let i = 0; i < 9; i += 1) await second();
  expect(lost).toEqual([]);
});

test('nobody is there', async () => {
  const { second } = setUp(0, 3000);
  expect(await second()).toBe(0);
});
