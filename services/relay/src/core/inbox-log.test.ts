import { expect, test } from 'vitest';
import { B, entryOf } from '../../../../test/simulation/core-kit.ts';
import { InboxLog } from './inbox-log.ts';

test('gives up the longest run of settled entries at its head', () => {
  const log = new InboxLog();
  const [first, second, third, fourth] = [entryOf(B, '1-0'), entryOf(B, '2-0'), entryOf(B, '3-0'), entryOf(B, '4-0')];
  for (const entry of [first, second, third, fourth]) log.add(entry);
  expect(log.takeSettled()).toBeNull();
  for (const entry of [first, second, fourth]) entry.unsettled = 0;
  expect(log.takeSettled()).toEqual({ upTo: '2-0', bytes: 20, entries: 2 });
  expect([log.length, log.takeSettled()]).toEqual([2, null]);
  third.unsettled = 0;
  expect(log.takeSettled()).toEqual({ upTo: '4-0', bytes: 20, entries: 2 });
  expect([log.length, log.takeSettled()]).toEqual([0, null]);
});
