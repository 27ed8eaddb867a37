import { ReceiptStatus } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { A, B, entryOf, key, message, scriptedLinks, UNAVAILABLE } from '../../../../test/simulation/core-kit.ts';
import { Link } from './link.ts';
import { readEnvelope } from './node-frame-reader.ts';
import { encodeReturned, encodeTurn, NodeFrame } from './node-frames.ts';

const OK = { kind: 'ok' } as const;

function setUp(linkBytes = 1_000_000) {
  const kit = scriptedLinks({ linkBytes });
  return { ...kit, link: new Link(B, kit.deps) };
}

const { none, receipts, returned, turn, probe } = NodeFrame;
const MESSAGE = NodeFrame.message;

describe('appending', () => {
  test('what one turn gives rise to travels together, and one append is in flight at a time', async () => {
    const { link, appends, answer, run, sent, events, counters } = setUp();
    expect([link.message(message({ id: 1 }), 1), link.message(message({ id: 2 }), 1)]).toEqual(['taken', 'taken']);
    await run();
    expect([appends.calls.length, ...sent()]).toEqual([1, 1, 2, MESSAGE, MESSAGE]);
    expect(appends.last[0]).toMatchObject({ from: A, to: B, exempt: false, inboxBytes: 5000 });
    link.message(message({ id: 3 }), 1);
    link.control(encodeTurn(key('bob'), 1));
    await run(100);
    expect([appends.calls.length, link.unappended]).toEqual([1, 4]);
    await answer(OK);
    expect([appends.calls.length, ...sent()]).toEqual([2, 3, 4, MESSAGE, turn]);
    await answer({ kind: 'dup' });
    expect(events).toEqual([]);
    expect([counters.batchFrames.count, counters.batchFrames.sum, link.unappended]).toEqual([2, 4, 0]);
  });

  test('one append carries at most half a MiB, and at least one frame', async () => {
    const { link, answer, run, sent } = setUp(10_000_000);
    for (const id of [1, 2, 3]) link.message(message({ id, payload: new Uint8Array(200_000) }), 1);
    link.message(message({ id: 4, payload: new Uint8Array(600_000) }), 1);
    await run();
    expect(sent()).toEqual([1, 2, MESSAGE, MESSAGE]);
    await answer(OK);
    expect(sent()).toEqual([3, 3, MESSAGE]);
    await answer(OK);
    expect(sent()).toEqual([4, 4, MESSAGE]);
  });

  test('one append carries at most 1024 frames', async () => {
    const { link, answer, run, sent } = setUp();
    for (let i = 0; i < 1025; i += 1) link.control(encodeTurn(key('bob'), 1));
    await run();
    expect(sent().slice(0, 2)).toEqual([1, 1024]);
    await answer(OK);
    expect(sent().slice(0, 2)).toEqual([1025, 1025]);
  });

  test('an append without an answer is repeated as it was, more and more slowly', async () => {
    const { link, appends, answer, run, sent, counters } = setUp();
    link.message(message(), 1);
    await run();
    for (const wait of [10, 20, 40, 80, 160, 250, 250]) {
      await answer(UNAVAILABLE);
      const before = appends.calls.length;
      await run(wait - 1);
      expect(appends.calls.length).toBe(before);
      await run(1);
      expect([appends.calls.length, ...sent()]).toEqual([before + 1, 1, 1, MESSAGE]);
    }
    expect(counters.linkRetries).toBe(7);
    await answer(OK);
    link.message(message(), 1);
    await run();
    await answer(UNAVAILABLE);
    await run(10);
    expect([appends.calls.length, ...sent()]).toEqual([10, 2, 2, MESSAGE]);
  });

  test('a link that does not get through for two seconds takes no messages, but control frames', async () => {
    const { link, answer, run, events } = setUp();
    link.message(message(), 1);
    await run();
    for (let i = 0; i < 12; i += 1) {
      await answer(UNAVAILABLE);
      await run(250);
    }
    expect(link.message(message(), 1)).toBe('down');
    link.control(encodeTurn(key('bob'), 1));
    await answer(OK);
    expect([link.message(message(), 1), link.last]).toEqual(['taken', 3]);
    expect(events).toEqual([]);
  });

  test.each([
    ['no answer may have landed: only what waits behind it is refused', UNAVAILABLE, [2, 3], MESSAGE],
    ['a refusal has not: it is refused with what waits behind it', { ...UNAVAILABLE, refused: true }, [1, 2, 3], none],
  ])('what has met %s', async (_what, reply, refused, left) => {
    const { link, answer, run, events, sent } = setUp();
    link.message(message({ id: 1 }), 1);
    await run();
    link.message(message({ id: 2 }), 1);
    link.control(encodeTurn(key('bob'), 1));
    link.message(message({ id: 3 }), 1);
    for (let i = 0; i < 12; i += 1) {
      await answer(reply);
      await run(250);
    }
    expect([events, ...sent()]).toEqual([refused.map((id) => ['down', id]), 1, 1, left]);
    await answer(OK);
    expect(sent()).toEqual([2, 4, none, turn, none]);
    await answer(OK);
    link.acknowledge(4);
    expect([link.bytes, link.frameBytes, events.length]).toEqual([0, 0, refused.length]);
  });

  test('takes no message while it holds more than its bytes, until they are acknowledged', async () => {
    const { link, answer, run } = setUp(1000);
    expect(link.message(message({ payload: new Uint8Array(2000) }), 1)).toBe('taken');
    expect(link.message(message(), 1)).toBe('full');
    link.control(encodeTurn(key('bob'), 1));
    await run();
    await answer(OK);
    expect(link.message(message(), 1)).toBe('full');
    link.acknowledge(1);
    expect([link.message(message(), 1), link.last]).toEqual(['taken', 3]);
  });
});

describe('acknowledgments', () => {
  test('each envelope tells what was read on the opposite link', async () => {
    const { link, appends, run } = setUp();
    link.readSequence = 77;
    link.message(message(), 1);
    await run();
    expect(readEnvelope(appends.last[0].envelope)?.ack).toBe(77);
  });

  test('frames are held until they are acknowledged, also when that comes before the append is confirmed', async () => {
    const { link, answer, run } = setUp();
    link.message(message(), 1);
    link.message(message(), 1);
    await run();
    expect([link.frames, link.bytes > 0]).toEqual([2, true]);
    link.acknowledge(1);
    await answer(OK);
    expect(link.frames).toBe(1);
    link.acknowledge(1);
    expect(link.frames).toBe(1);
    link.acknowledge(2);
    expect([link.frames, link.bytes]).toEqual([0, 0]);
  });

  test('asks for one that is owed for a second; the question and its answer are owed none', async () => {
    const { link, appends, answer, run, sent } = setUp();
    expect(link.probeIfSilent(0)).toBe(0);
    link.message(message(), 1);
    await run();
    link.probeIfSilent(0);
    await answer(OK);
    expect([appends.calls.length, link.probeIfSilent(0)]).toEqual([1, 0]);
    await run();
    expect(sent()).toEqual([2, 2, probe]);
    await answer(OK);
    link.acknowledge(1);
    link.probeIfSilent(1);
    link.signal(none);
    await run();
    expect(sent()).toEqual([3, 3, none]);
    await answer(OK);
    link.probeIfSilent(1);
    await run();
    expect(appends.calls.length).toBe(3);
  });
});

describe('a gap', () => {
  test('everything goes again from there on, or from behind what was acknowledged', async () => {
    const { link, answer, run, sent, counters, appends } = setUp();
    for (const id of [1, 2, 3]) {
      link.message(message({ id }), 1);
      await run();
      await answer(OK);
    }
    link.acknowledge(1);
    link.message(message({ id: 4 }), 1);
    await run();
    link.control(encodeTurn(key('bob'), 1));
    expect(appends.last[0].acked).toBe(1);
    await answer({ kind: 'gap', last: 0 });
    expect([appends.last[0].acked, ...sent()]).toEqual([1, 2, 5, MESSAGE, MESSAGE, MESSAGE, turn]);
    await answer({ kind: 'gap', last: 2 });
    expect(sent()).toEqual([3, 5, MESSAGE, MESSAGE, turn]);
    await answer(OK);
    expect([counters.linkGaps, link.frames]).toEqual([2, 4]);
    link.acknowledge(5);
    expect([link.frames, link.bytes]).toEqual([0, 0]);
  });

  test('within the append: only the rest goes again', async () => {
    const { link, answer, run, sent, events } = setUp();
    for (const id of [1, 2, 3]) link.message(message({ id }), 1);
    await run();
    await answer({ kind: 'gap', last: 2 });
    expect(sent()).toEqual([3, 3, MESSAGE]);
    await answer({ kind: 'reaped', last: 2 });
    expect(events).toEqual([
      ['closed', 3],
      ['gone', B],
    ]);
  });

  test('messages that were confirmed are sent again whatever the inbox holds', async () => {
    const { link, appends, answer, run } = setUp();
    link.message(message(), 1);
    await run();
    await answer(OK);
    link.control(encodeTurn(key('bob'), 1));
    await run();
    await answer({ kind: 'gap', last: 0 });
    expect(appends.last[0].exempt).toBe(true);
  });
});

describe('a full inbox', () => {
  test('refuses messages only, also those behind; receipts and control frames pass in their places', async () => {
    const { link, appends, answer, run, sent, events, counters } = setUp();
    link.message(message({ id: 1 }), 1);
    link.receipt(1, 9, ReceiptStatus.delivered, entryOf(B));
    link.control(encodeTurn(key('bob'), 1));
    await run();
    link.message(message({ id: 2 }), 1);
    await answer({ kind: 'full' });
    expect(events).toEqual([
      ['full', 1, true],
      ['full', 2, true],
    ]);
    expect([appends.last[0].exempt, ...sent()]).toEqual([true, 1, 3, none, receipts, turn]);
    await answer(OK);
    expect(sent()).toEqual([4, 4, none]);
    await answer(OK);
    expect([events.length, counters.linkFull]).toEqual([2, 1]);
    link.acknowledge(4);
    expect(link.bytes).toBe(0);
  });

  test('is uncertain when an earlier try had no answer', async () => {
    const { link, answer, run, events } = setUp();
    link.message(message({ id: 1 }), 1);
    await run();
    await answer(UNAVAILABLE);
    link.message(message({ id: 2 }), 1);
    await run(10);
    await answer({ kind: 'full' });
    expect(events).toEqual([
      ['full', 1, false],
      ['full', 2, true],
    ]);
  });
});

describe('receipts', () => {
  test('settle their entries when they have been appended', async () => {
    const { link, answer, run, sent, appends } = setUp();
    const entry = entryOf(B);
    link.receipt(1, 9, ReceiptStatus.delivered, entry);
    await run();
    expect([entry.unsettled, appends.last[0].exempt, ...sent()]).toEqual([1, true, 1, 1, receipts]);
    await answer(OK);
    expect(entry.unsettled).toBe(0);
  });

  test('wait for each other for 2 ms after an append, unless something else goes', async () => {
    const { link, answer, run, sent, appends } = setUp();
    link.message(message(), 1);
    await run();
    await answer(OK);
    link.receipt(1, 1, ReceiptStatus.delivered, entryOf(B));
    await run(1);
    link.receipt(1, 2, ReceiptStatus.delivered, entryOf(B));
    expect(appends.calls.length).toBe(1);
    await run(1);
    expect(sent()).toEqual([2, 2, receipts]);
    await answer(OK);
    link.receipt(1, 3, ReceiptStatus.delivered, entryOf(B));
    link.message(message(), 1);
    await run();
    expect(sent()).toEqual([3, 4, MESSAGE, receipts]);
  });

  test('go before a message that is given back after them', async () => {
    const { link, answer, run, sent } = setUp();
    const entry = entryOf(B);
    link.receipt(1, 9, ReceiptStatus.unavailable, entryOf(B));
    link.control(encodeReturned(message(), null), [entry]);
    await run();
    expect([entry.unsettled, ...sent()]).toEqual([1, 1, 2, receipts, returned]);
    await answer(OK);
    expect(entry.unsettled).toBe(0);
  });
});
