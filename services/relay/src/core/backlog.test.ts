import { expect, test } from 'vitest';
import { message } from '../../../../test/simulation/core-kit.ts';
import { Backlog } from './backlog.ts';
import { Window } from './window.ts';

const delivered = (id: number) => {
  const one = message({ id });
  return { message: one, delivery: new Window(9, 999).add(one, '', 1, 0) };
};
const ids = (backlog: Backlog) => backlog.takeAll().map((waiting) => waiting.message.id);

test('what was delivered goes in front, in its order, and is counted', () => {
  const backlog = new Backlog();
  backlog.push(message({ id: 3 }));
  backlog.unshift([delivered(1), delivered(2)]);
  expect([backlog.length, backlog.spills, backlog.head?.id]).toEqual([3, 2, 1]);
  expect(backlog.shift()?.message.id).toBe(1);
  expect(backlog.spills).toBe(1);
  expect(ids(backlog)).toEqual([2, 3]);
  expect([backlog.length, backlog.spills, backlog.head, backlog.shift()]).toEqual([0, 0, undefined, undefined]);
});

test('is full at 1024 messages', () => {
  const backlog = new Backlog();
  for (let i = 0; i < 1023; i += 1) backlog.push(message());
  expect(backlog.isFull).toBe(false);
  backlog.push(message());
  expect(backlog.isFull).toBe(true);
  backlog.shift();
  expect(backlog.isFull).toBe(false);
});

test('is full above 4 MiB, and empty of bytes when all is taken', () => {
  const backlog = new Backlog();
  backlog.push(message({ payload: new Uint8Array(4 * 1024 * 1024) }));
  expect(backlog.isFull).toBe(false);
  backlog.push(message({ payload: new Uint8Array(1) }));
  expect(backlog.isFull).toBe(true);
  backlog.takeAll();
  backlog.push(message());
  expect(backlog.isFull).toBe(false);
});
