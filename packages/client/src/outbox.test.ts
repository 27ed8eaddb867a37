import { encodeUtf8, type PeerId, ReceiptStatus, SendFlag } from '@causeway/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelRelay } from '../test/model-relay.ts';
import type { Entry } from './lane.ts';
import { Outbox } from './outbox.ts';

const { delivered, offline, rate_limited, overloaded, too_large, unavailable } = ReceiptStatus;
const BOB = 'bob' as PeerId;
const CAROL = 'carol' as PeerId;
const WINDOW = 8;

function setUp(window = WINDOW, maxPayload = 100) {
  const outbox = new Outbox(() => 0.5);
  const settled = new Map<number, number[]>();
  let id = 0;
  const add = (to: PeerId, { quiet = false, bytes = 1 } = {}): Entry => {
    id += 1;
    const statuses: number[] = [];
    settled.set(id, statuses);
    return outbox.add(id, {
      to,
      toBytes: encodeUtf8(to),
      payload: new Uint8Array(bytes),
      flags: 0,
      quiet,
      onSent: () => undefined,
      onSettled: (status) => statuses.push(status),
      onFinished: () => undefined,
    });
  };
  const open = (): void => outbox.opened(window, maxPayload);
  /** What goes out now: ids, a `!` behind those with after-refusal and a `?` behind those without a receipt. */
  const drain = (now = 0): string => {
    const sent: string[] = [];
    for (let next = outbox.next(now); next; next = outbox.next(now)) {
      const marks = `${next.flags & SendFlag.afterRefusal ? '!' : ''}${next.flags & SendFlag.noReceipt ? '?' : ''}`;
      sent.push(`${next.entry.id}${marks}`);
    }
    return sent.join(' ');
  };
  return { outbox, settled, add, open, drain };
}

describe('Outbox', () => {
  it('sends nothing before a connection is open, and then in order', () => {
    const { add, open, drain } = setUp();
    for (let i = 0; i < 3; i++) add(BOB);
    expect(drain()).toBe('');
    open();
    expect(drain()).toBe('1 2 3');
  });

  it('keeps to the send window, and goes on as receipts come', () => {
    const { outbox, settled, add, open, drain } = setUp(2);
    open();
    for (let i = 0; i < 4; i++) add(BOB);
    expect(drain()).toBe('1 2');
    outbox.receipt(1, delivered, 0);
    expect(drain()).toBe('3');
    expect(settled.get(1)).toEqual([delivered]);
    expect(outbox.size).toBe(3);
  });

  it('sends what has no receipt again with its old id, before anything newer', () => {
    const { outbox, add, open, drain } = setUp();
    open();
    for (let i = 0; i < 3; i++) add(BOB);
    drain();
    outbox.receipt(2, delivered, 0);
    outbox.closed();
    add(BOB);
    expect(drain()).toBe('');
    open();
    expect(drain()).toBe('1 3 4');
  });

  it('holds a refused recipient until all receipts are in and the backoff is over, then begins again in order', () => {
    const { outbox, add, open, drain } = setUp();
    open();
    for (let i = 0; i < 3; i++) add(BOB);
    drain();
    outbox.receipt(2, rate_limited, 0);
    add(BOB);
    expect(drain(1000)).toBe('');
    outbox.receipt(3, rate_limited, 1000);
    expect(outbox.wakeAt).toBe(Number.POSITIVE_INFINITY);
    outbox.receipt(1, delivered, 1000);
    // Half of the first ceiling of 100 ms, from the first refusal.
    expect(outbox.wakeAt).toBe(50);
    expect(drain(1000)).toBe('2! 3 4');
  });

  it('waits as long as THROTTLE says, whether it came before the receipt or after it', () => {
    const { outbox, add, open, drain } = setUp();
    open();
    add(BOB);
    add(CAROL);
    drain();
    outbox.receipt(1, rate_limited, 0);
    outbox.throttled(700, 10);
    outbox.receipt(2, overloaded, 20);
    expect(outbox.wakeAt).toBe(710);
    expect(drain(709)).toBe('');
    expect(drain(710)).toBe('1! 2!');
  });

  it('does not hold other recipients up', () => {
    const { outbox, add, open, drain } = setUp(2);
    open();
    add(BOB);
    drain();
    outbox.receipt(1, unavailable, 0);
    for (let i = 0; i < 2; i++) add(CAROL);
    expect(drain()).toBe('2 3');
  });

  it('needs no after-refusal on a new connection, but still waits for the hint', () => {
    const { outbox, add, open, drain } = setUp();
    open();
    add(BOB);
    drain();
    outbox.receipt(1, overloaded, 0);
    outbox.throttled(500, 0);
    outbox.closed();
    open();
    expect(drain(499)).toBe('');
    expect(outbox.wakeAt).toBe(500);
    expect(drain(500)).toBe('1');
  });

  it('refuses a payload over the limit by itself, with everything around it sent', () => {
    const { settled, add, open, drain } = setUp();
    add(BOB);
    add(BOB, { bytes: 101 });
    add(BOB);
    open();
    expect(drain()).toBe('1 3');
    expect(settled.get(2)).toEqual([too_large]);
  });

  it('gives final refusals to the application, and does not stop at them', () => {
    const { outbox, settled, add, open, drain } = setUp();
    open();
    add(BOB);
    drain();
    outbox.receipt(1, offline, 0);
    add(BOB);
    expect(drain()).toBe('2');
    expect(settled.get(1)).toEqual([offline]);
  });

  it('tells a message given up before it was sent from one whose fate is unknown', () => {
    const { outbox, settled, add, open, drain } = setUp(1);
    open();
    const [first, second, third] = [add(BOB), add(BOB), add(BOB)];
    drain();
    expect(outbox.abandon(second)).toBe(false);
    expect(outbox.abandon(first)).toBe(true);
    expect(drain()).toBe('');
    outbox.receipt(1, delivered, 0);
    expect(drain()).toBe('3');
    expect(settled.get(1)).toEqual([]);
    outbox.closed();
    expect(outbox.abandon(third)).toBe(true);
    expect(outbox.size).toBe(0);
    expect(outbox.bytes).toBe(0);
  });

  it('a message refused as rate_limited and given up is known not to arrive', () => {
    const { outbox, add, open, drain } = setUp();
    open();
    const [first, second] = [add(BOB), add(BOB)];
    drain();
    outbox.receipt(1, rate_limited, 0);
    outbox.receipt(2, rate_limited, 0);
    expect(outbox.abandon(first)).toBe(false);
    expect(drain(1000)).toBe('2!');
    expect(second.state).toBe('in_flight');
  });

  it('asks for a receipt now and then also among messages that want none, and drops those on their way', () => {
    const { outbox, add, open, drain } = setUp(100);
    open();
    for (let i = 0; i < 18; i++) add(BOB, { quiet: true });
    expect(drain().split(' ').slice(14)).toEqual(['15?', '16?', '17', '18']);
    outbox.receipt(17, delivered, 0);
    expect(outbox.size).toBe(1);
    add(BOB, { quiet: true });
    expect(drain()).toBe('19?');
    outbox.closed();
    open();
    expect(drain()).toBe('18?');
  });

  it('counts a refused message without receipt no longer among those on their way', () => {
    const { outbox, add, open, drain } = setUp(4);
    open();
    for (let i = 0; i < 2; i++) add(BOB, { quiet: true });
    expect(drain()).toBe('1? 2?');
    for (const id of [1, 2]) outbox.receipt(id, overloaded, 0);
    expect(drain(1000)).toBe('1!? 2?');
  });

  it('waits for the refusals of messages without receipt that went behind a refused one', () => {
    const { outbox, add, open, drain } = setUp(100);
    open();
    for (const quiet of [true, false, true]) add(BOB, { quiet });
    expect(drain()).toBe('1? 2 3?');
    outbox.receipt(2, overloaded, 0);
    expect(drain(1000)).toBe('');
    outbox.receipt(3, overloaded, 1000);
    // 1 came before the refused one, and so it is settled.
    expect(drain(2000)).toBe('2! 3?');
    expect(outbox.size).toBe(2);
  });

  it('gives everything back at the end, except what was given up', () => {
    const { outbox, add, open, drain } = setUp(2);
    open();
    const [first] = [add(BOB), add(BOB), add(CAROL)];
    drain();
    outbox.abandon(first as Entry);
    const rest = outbox.clear();
    expect(rest.map(({ id, uncertain }) => [id, uncertain])).toEqual([
      [2, false],
      [3, true],
    ]);
    expect(outbox.size).toBe(0);
    expect(outbox.wakeAt).toBe(Number.POSITIVE_INFINITY);
  });
});

const peer = fc.constantFrom(BOB, CAROL, 'dave' as PeerId);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      to: peer,
      quiet: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('process' as const),
      decision: fc.constantFrom('accept' as const, 'accept' as const, 'refuse' as const, 'refuse_for_good' as const),
      status: fc.constantFrom(rate_limited, overloaded, unavailable),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('receipt' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconnect' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('throttle' as const), ms: fc.nat(300) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abandon' as const), which: fc.nat(100) }) },
);

describe('Outbox against a model of the relay', () => {
  it('shows each recipient its messages in order, settles each once, and keeps to the window', () => {
    const property = fc.property(
      fc.array(step, { maxLength: 150 }),
      fc.integer({ min: 1, max: 10 }),
      (steps, window) => {
        const { outbox, settled, add, open } = setUp(window);
        const relay = new ModelRelay();
        const entries: Entry[] = [];
        const quiet = new Set<number>();
        let now = 0;
        const pump = (): void => {
          for (let next = outbox.next(now); next; next = outbox.next(now)) relay.send(next);
        };
        const receive = (): void => {
          const receipt = relay.takeReceipt();
          if (receipt) outbox.receipt(receipt.id, receipt.status, now);
        };
        open();
        for (const action of steps) {
          if (action.do === 'add') {
            const entry = add(action.to, { quiet: action.quiet });
            entries.push(entry);
            if (action.quiet) quiet.add(Number(entry.id));
          } else if (action.do === 'process') relay.process(action.decision, action.status);
          else if (action.do === 'receipt') receive();
          else if (action.do === 'throttle') outbox.throttled(action.ms, now);
          else if (action.do === 'wait') now += action.ms;
          else if (action.do === 'abandon') {
            const entry = entries[action.which];
            if (entry) outbox.abandon(entry);
          } else {
            outbox.closed();
            relay.disconnect();
            open();
          }
          pump();
        }
        // The relay takes everything from here on.
        const owed = (): boolean => entries.some(({ id, state }) => state !== 'settled' && !quiet.has(Number(id)));
        for (let i = 0; i < 10_000 && owed(); i++) {
          relay.process('accept', rate_limited);
          receive();
          if (outbox.wakeAt !== Number.POSITIVE_INFINITY) now = Math.max(now, outbox.wakeAt);
          pump();
        }
        while (relay.wire.length > 0) relay.process('accept', rate_limited);

        expect(relay.mostUnanswered).toBeLessThanOrEqual(window);
        for (const ids of relay.shown.values()) expect(ids).toEqual([...ids].sort((a, b) => Number(a) - Number(b)));
        for (const entry of entries) {
          const id = Number(entry.id);
          const statuses = settled.get(id) ?? [];
          expect(statuses.length).toBeLessThanOrEqual(1);
          if (statuses[0] === delivered) expect(relay.shown.get(entry.message.to)).toContain(id);
          if (!quiet.has(id) && entry.state !== 'settled') throw new Error(`message ${id} has no outcome`);
        }
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});
