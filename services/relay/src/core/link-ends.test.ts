import { ReceiptStatus } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { B, entryOf, key, message, scriptedLinks, UNAVAILABLE } from '../../../../test/simulation/core-kit.ts';
import { Link } from './link.ts';
import { encodeReturned, encodeTurn, NodeFrame } from './node-frames.ts';
import type { LinkAppendReply } from './ports.ts';

const OK = { kind: 'ok' } as const;
const CLOSING = { kind: 'closing' } as const;
const REAPING = { kind: 'reaping' } as const;
const MISSING = { kind: 'missing' } as const;
const { none, receipts, returned, turn, probe } = NodeFrame;
const MESSAGE = NodeFrame.message;

function setUp() {
  const kit = scriptedLinks();
  const link = new Link(B, kit.deps);
  const send = (...ids: number[]) => ids.map((id) => link.message(message({ id }), 1));
  /** Each in an append of its own, which is confirmed. */
  const appended = async (...ids: number[]) => {
    for (const id of ids) {
      send(id);
      await kit.run();
      await kit.answer(OK);
    }
  };
  return { ...kit, link, send, appended };
}

describe('a node that takes no messages any more', () => {
  test('gives back those that had not been appended, in order; all else still goes, in its place', async () => {
    const { link, send, appended, run, answer, sent, appends, events } = setUp();
    await appended(1);
    const entry = entryOf(B);
    send(2);
    link.receipt(1, 9, ReceiptStatus.delivered, entry);
    link.control(encodeTurn(key('bob'), 1));
    await run(5);
    send(3, 4);
    await answer(CLOSING);
    expect(events).toEqual([['closed', 2, 3, 4]]);
    expect([appends.last[0].exempt, ...sent()]).toEqual([true, 2, 4, none, receipts, turn]);
    await answer(OK);
    expect([entry.unsettled, ...sent()]).toEqual([0, 5, 6, none, none]);
    await answer(OK);
    link.acknowledge(6);
    expect([link.frames, link.bytes, link.frameBytes]).toEqual([0, 0, 0]);
  });

  test('takes no later one, but what settles messages and asks for acknowledgments', async () => {
    const { link, send, run, answer, sent, appends, events } = setUp();
    send(1);
    await run();
    await answer(CLOSING);
    await answer(OK);
    expect([send(2), appends.calls.length, events]).toEqual([['closed'], 2, [['closed', 1]]]);
    const entry = entryOf(B);
    link.control(encodeReturned(message(), null), [entry]);
    link.probeIfSilent(0);
    await run();
    expect(sent()).toEqual([2, 3, returned, probe]);
    await answer(OK);
    expect(entry.unsettled).toBe(0);
  });

  test('answers so to an append that was never answered: its messages have not landed either', async () => {
    const { send, run, answer, events } = setUp();
    send(1);
    await run();
    await answer(UNAVAILABLE);
    await run(10);
    await answer(CLOSING);
    expect(events).toEqual([['closed', 1]]);
  });
});

describe('a node that is being reaped', () => {
  test('takes nothing: messages come back at once, the rest is tried again until the node is reaped', async () => {
    const { link, send, run, answer, sent, appends, events } = setUp();
    const entry = entryOf(B);
    send(1);
    link.control(encodeReturned(message(), null), [entry]);
    await run();
    await answer(REAPING);
    expect([events, appends.calls.length]).toEqual([[['closed', 1]], 1]);
    await run(10);
    expect([entry.unsettled, ...sent()]).toEqual([1, 1, 2, none, returned]);
    await answer(REAPING);
    await run(20);
    await answer({ kind: 'reaped', last: 0 });
    expect([entry.unsettled, events.at(-1)]).toEqual([0, ['gone', B]]);
    await run(10_000);
    expect([appends.calls.length, events.length]).toEqual([3, 2]);
  });

  test('has what it had been sent before: that does not come back', async () => {
    const { send, appended, run, answer, events } = setUp();
    await appended(1, 2);
    send(3);
    await run();
    await answer(REAPING);
    await run(10);
    await answer({ kind: 'reaped', last: 2 });
    expect(events).toEqual([
      ['closed', 3],
      ['gone', B],
    ]);
  });
});

describe('a node that has gone', () => {
  test('gives back what was not appended, in order, and settles what waits for receipts to be sent', async () => {
    const { link, send, appended, answer, run, events, appends } = setUp();
    await appended(1);
    const entries = [entryOf(B), entryOf(B), entryOf(B)] as const;
    send(2);
    link.receipt(1, 9, ReceiptStatus.delivered, entries[0]);
    await run(5);
    send(3);
    link.receipt(1, 9, ReceiptStatus.delivered, entries[1]);
    await answer({ kind: 'reaped', last: 1 });
    expect(events).toEqual([
      ['closed', 2, 3],
      ['gone', B],
    ]);
    link.receipt(1, 9, ReceiptStatus.delivered, entries[2]);
    expect(entries.map(({ unsettled }) => unsettled)).toEqual([0, 0, 0]);
    expect([link.frames, link.bytes, send(4)]).toEqual([0, 0, ['closed']]);
    const late = entryOf(B);
    link.control(encodeReturned(message(), null), [late]);
    expect(late.unsettled).toBe(0);
    link.signal(probe);
    await run(1000);
    expect(appends.calls.length).toBe(2);
  });

  test.each([
    [4, []],
    [2, [4]],
    [0, [2, 4]],
  ])(
    'gives back the messages behind frame %i, which the store had confirmed and forgotten',
    async (last, forgotten) => {
      const { link, send, appended, run, answer, events } = setUp();
      await appended(1, 2);
      link.control(encodeTurn(key('bob'), 1));
      await run();
      await answer(OK);
      await appended(4);
      // What has been read is nobody's to give back, whatever the store still knows of it.
      link.acknowledge(1);
      send(5);
      await run();
      await answer({ kind: 'reaped', last });
      expect(events).toEqual([
        ['closed', 5],
        ['gone', B, ...forgotten],
      ]);
    },
  );
});

describe('a node whose inbox is missing', () => {
  test('is tried again, like a store that does not answer', async () => {
    const { link, send, run, answer, appends, events, sent } = setUp();
    send(1);
    await run();
    for (const wait of [10, 20, 40, 80]) {
      await answer(MISSING);
      await run(wait);
    }
    expect([events, appends.calls.length, ...sent()]).toEqual([[], 5, 1, 1, MESSAGE]);
    for (let waited = 0; waited < 3000; waited += 250) {
      await answer(MISSING);
      await run(250);
    }
    expect([send(2), events]).toEqual([['down'], [['down', 1]]]);
    await answer(OK);
    expect([send(3), link.frames]).toEqual([['taken'], 2]);
  });

  test('is gone when the others say so, and with it all that it had not read', async () => {
    const { link, appended, send, run, answer, events, gone } = setUp();
    await appended(1, 2);
    link.acknowledge(1);
    send(3);
    await run();
    await answer(MISSING);
    expect(events).toEqual([]);
    gone.add(B);
    await run(10);
    await answer(MISSING);
    expect(events).toEqual([
      ['closed', 3],
      ['gone', B, 2],
    ]);
  });
});

describe('a link that was stopped', () => {
  test.each<[string, LinkAppendReply]>([
    ['taken', OK],
    ['refused', CLOSING],
    ['forgotten', { kind: 'gap', last: 0 }],
    ['reaped', { kind: 'reaped', last: 0 }],
    ['not answered', UNAVAILABLE],
  ])('does nothing when it hears that its append was %s, and sends nothing any more', async (_what, reply) => {
    const { link, send, run, answer, appends, events } = setUp();
    const entry = entryOf(B);
    send(1);
    await run();
    link.receipt(1, 9, ReceiptStatus.delivered, entry);
    link.stop();
    await answer(reply);
    expect([entry.unsettled, link.frames, link.bytes, send(2)]).toEqual([0, 0, 0, ['closed']]);
    link.control(encodeTurn(key('bob'), 1));
    link.signal(none);
    await run(1000);
    expect([appends.calls.length, events]).toEqual([1, []]);
  });
});

test('knows what the other node has read', async () => {
  const { link, send } = setUp();
  expect([link.last, link.hasRead(0), link.hasRead(1)]).toEqual([0, true, false]);
  send(1, 2);
  link.acknowledge(1);
  expect([link.last, link.hasRead(1), link.hasRead(2)]).toEqual([2, true, false]);
});
