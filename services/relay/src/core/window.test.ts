import type { PeerId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { message } from '../../../../test/simulation/core-kit.ts';
import type { MailboxId } from './ports.ts';
import { deliveryBytes, Window } from './window.ts';

test('counts deliveries from 1 and takes them in order, up to the one acknowledged', () => {
  const window = new Window(10, 1000);
  for (let i = 0; i < 3; i += 1) window.add(message(), '', 10, i);
  expect([window.lastSeq, window.length, window.freeMessages, window.freeBytes]).toEqual([3, 3, 7, 970]);
  expect([window.take(2)?.seq, window.take(2)?.seq, window.take(2)]).toEqual([1, 2, undefined]);
  expect(window.oldest?.seq).toBe(3);
  expect(window.take(3)?.seq).toBe(3);
  expect([window.length, window.freeBytes, window.oldest]).toEqual([0, 1000, undefined]);
  expect(window.add(message(), '', 10, 9).seq).toBe(4);
});

test('is bounded in messages and bytes, but takes one of any size when it is empty', () => {
  const window = new Window(2, 100);
  expect(window.fits(5000)).toBe(true);
  window.add(message(), '', 60, 0);
  expect([window.fits(40), window.fits(41)]).toEqual([true, false]);
  window.add(message(), '', 10, 0);
  expect(window.fits(1)).toBe(false);
});

test('what comes out of the mailbox has no sender that waits', () => {
  const window = new Window(2, 100);
  expect(window.add(null, '1-0' as MailboxId, 1, 0)).toMatchObject({ receipted: true, entry: '1-0', message: null });
  expect(window.add(message(), '', 1, 0)).toMatchObject({ receipted: false, entry: '' });
  expect([...window].map(({ seq }) => seq)).toEqual([1, 2]);
});

test('a delivery is never free', () => {
  expect(deliveryBytes('bob' as PeerId, new Uint8Array(5))).toBe(40);
});
