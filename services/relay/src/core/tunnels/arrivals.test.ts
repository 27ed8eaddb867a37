import { expect, test } from 'vitest';
import { A, B, keptLog } from '../../../../../test/simulation/core-kit.ts';
import { Counters } from '../counters.ts';
import { Arrivals } from './arrivals.ts';
import { encodeDataHead, encodeEnd, encodeHead } from './frames.ts';
import type { TunnelEnd } from './tunnel-end.ts';

function setUp() {
  const events: string[] = [];
  const counters = new Counters();
  const log = keptLog();
  const end = (number: number): TunnelEnd | undefined =>
    number === 99
      ? undefined
      : ({
          data: (bytes: Uint8Array) => events.push(`${number} data ${Buffer.from(bytes)}`),
          end: () => events.push(`${number} end`),
        } as unknown as TunnelEnd);
  const arrivals = new Arrivals({
    ...{ log, counters, end },
    onCall: () => undefined,
    onAccepted: () => undefined,
    onRefused: () => undefined,
    onWithdrawn: () => undefined,
    onLost: (node, anew) => events.push(`${anew ? 'anew' : 'lost'} ${node}`),
  });
  const take = (run: number, sequence: number, ...frames: Uint8Array[]): string[] =>
    takeAfter(sequence - 1, run, sequence, ...frames);
  /** An envelope whose sender knows that the store has all up to `settled`. */
  const takeAfter = (settled: number, run: number, sequence: number, ...frames: Uint8Array[]): string[] => {
    arrivals.take(Buffer.concat([encodeHead(B, { run, sequence, settled }), ...frames]));
    return events.splice(0);
  };
  return { arrivals, counters, log, take, takeAfter };
}

const data = (to: number, text: string): Buffer => Buffer.concat([encodeDataHead(to, text.length), Buffer.from(text)]);

test('frames reach their ends, and those of ends that are gone are passed over', () => {
  const { take } = setUp();
  expect(take(1, 1, data(5, 'hi'), data(99, 'x'), encodeEnd(6))).toEqual(['5 data hi', '6 end']);
});

test('what comes again is not taken again', () => {
  const { take, counters } = setUp();
  take(1, 1);
  take(1, 2);
  expect([take(1, 2, data(5, 'x')), take(1, 1, data(5, 'x'))]).toEqual([[], []]);
  take(2, 1);
  expect(take(1, 9, data(5, 'x'))).toEqual([]);
  expect(counters.drops.stale_frame).toBe(3);
});

test('what is missing ends the tunnels with its node, before what comes then is taken', () => {
  const { take } = setUp();
  take(1, 1);
  expect(take(1, 3, data(5, 'x'))).toEqual(['lost b', '5 data x']);
  expect(take(2, 1, data(5, 'y'))).toEqual(['anew b', '5 data y']);
  expect(take(2, 2)).toEqual([]);
});

test('what overtakes one that is under way waits for it', () => {
  const { take, takeAfter, counters } = setUp();
  take(1, 1);
  expect(takeAfter(1, 1, 4, data(5, 'four'))).toEqual([]);
  expect(takeAfter(1, 1, 3, data(5, 'three'))).toEqual([]);
  expect(takeAfter(1, 1, 4, data(5, 'four'))).toEqual([]);
  expect(takeAfter(1, 1, 2, data(5, 'two'))).toEqual(['5 data two', '5 data three', '5 data four']);
  expect(takeAfter(1, 1, 3, data(5, 'three'))).toEqual([]);
  expect(take(1, 5, data(5, 'five'))).toEqual(['5 data five']);
  expect(counters.drops.stale_frame).toBe(2);
});

test('what waits for one that is lost is taken when that is known, unless it came before it', () => {
  const { take, takeAfter } = setUp();
  take(1, 1);
  expect(takeAfter(1, 1, 3, data(5, 'three'))).toEqual([]);
  expect(takeAfter(1, 1, 5, data(5, 'five'))).toEqual([]);
  expect(takeAfter(3, 1, 6, data(5, 'six'))).toEqual(['lost b']);
  expect(takeAfter(3, 1, 4, data(5, 'four'))).toEqual(['5 data four', '5 data five', '5 data six']);
});

test('a run of which the first is under way begins with it', () => {
  const { take, takeAfter } = setUp();
  expect(takeAfter(0, 1, 2, data(5, 'two'))).toEqual([]);
  expect(takeAfter(0, 1, 1, data(5, 'one'))).toEqual(['5 data one', '5 data two']);
  expect(takeAfter(0, 2, 2, data(5, 'two'))).toEqual(['anew b']);
  expect(takeAfter(0, 2, 1, data(5, 'one'))).toEqual(['5 data one', '5 data two']);
  expect(take(1, 3)).toEqual([]);
});

test('a node that is met in the middle of a run is taken as it is', () => {
  const { take, arrivals } = setUp();
  expect(take(4, 17, data(5, 'x'))).toEqual(['5 data x']);
  arrivals.forget(B);
  expect(take(1, 1, data(5, 'y'))).toEqual(['5 data y']);
});

test('what cannot be read is counted and logged; the rest of its tunnels cannot be trusted', () => {
  const { take, arrivals, counters, log } = setUp();
  arrivals.take(Buffer.of(9, 1, 2));
  arrivals.take(encodeHead(A, { run: 1, sequence: 1, settled: 0 }).subarray(0, 5));
  expect(take(1, 1, Buffer.of(5, 0, 0, 0, 99, 1))).toEqual(['lost b']);
  expect(take(1, 2, Buffer.of(200, 0, 0, 0, 0), data(5, 'x'))).toEqual(['5 data x']);
  expect([counters.drops.unreadable_entry, counters.drops.unknown_frame, log.lines.length]).toEqual([3, 1, 3]);
});
