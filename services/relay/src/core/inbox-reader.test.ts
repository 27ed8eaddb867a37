import type { NodeId } from '@causeway/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { A, B, C, keptLog, key, message, Script, scriptedLinks } from '../../../../test/simulation/core-kit.ts';
import { InboxReader } from './inbox-reader.ts';
import type { Message } from './message.ts';
import { readEnvelope } from './node-frame-reader.ts';
import * as frames from './node-frames.ts';
import { NodeLinks } from './node-links.ts';
import type { Inbox, InboxEntry } from './ports.ts';
import type { Tracer } from './tracer.ts';

function setUp(tracer: Tracer | null = null) {
  const { world, appends, counters, deps, run } = scriptedLinks({ linkBytes: 1000, inboxBytes: 1000 });
  const trim = new Script<[NodeId, string, number], Awaited<ReturnType<Inbox['trim']>>>();
  const log = keptLog();
  const messages: Message[] = [];
  const heard: unknown[] = [];
  const hear =
    (name: string) =>
    (...args: unknown[]): void => {
      heard.push([name, ...args]);
    };
  const links = new NodeLinks(deps);
  let give: (entries: readonly InboxEntry[]) => void = () => undefined;
  const inbox = {
    trim: trim.call,
    start: (_node: NodeId, onEntries: typeof give) => {
      give = onEntries;
    },
  } as unknown as Inbox;
  const reader = new InboxReader({
    ...{ self: A, inbox, links, clock: world, timers: world, log, counters, tracer },
    nextOrder: () => messages.length + 1,
    onMessage: (one) => messages.push(one),
    onReceipt: hear('receipt'),
    onReturned: hear('returned'),
    onHandover: hear('handover'),
    onTurn: hear('turn'),
    onPresence: hear('presence'),
    onEcho: hear('echo'),
  });
  reader.start();
  let last = 0;
  const read = (envelope: Uint8Array): string => {
    last += 1;
    const id = `${world.now()}-${last}`;
    give([{ id, appendedAt: world.now() - 3, envelope }]);
    return id;
  };
  return {
    ...{ world, appends, trim, counters, log, messages, heard, links, reader, read, run },
    from: (sender: NodeId, first: number, ...all: Buffer[]) =>
      read(
        frames.encodeEnvelope(
          sender,
          first,
          0,
          all.map((bytes) => ({ bytes })),
        ),
      ),
  };
}

const sent = (id: number) => frames.encodeMessage(message({ id, session: 3, run: 2 }), 5);

test('every kind of frame comes out where it belongs', () => {
  const { from, heard, messages } = setUp();
  const bob = key('bob');
  const receipts = new frames.ReceiptsBuilder();
  receipts.add(5, 6, 1);
  receipts.add(7, 8, 2);
  from(
    B,
    1,
    sent(1),
    receipts.take(),
    frames.encodeReturned(message({ id: 9, path: 7 }), { node: C, epoch: 10 }),
    frames.encodeReturned(message({ id: 11, path: 7 }), null),
    frames.encodeHandover(bob, 12),
    frames.encodeTurn(bob, 14),
    frames.encodePresence({ key: bob, online: true, at: 16, epoch: 17 }),
    frames.encodeEcho(18),
    frames.encodeEmpty(frames.NodeFrame.none),
  );
  expect(messages).toMatchObject([{ id: 1, origin: B, session: 3, run: 2, order: 1, path: 5, pending: null, to: bob }]);
  expect(heard).toEqual([
    ['receipt', 5, 6, 1],
    ['receipt', 7, 8, 2],
    ['returned', expect.objectContaining({ id: 9, path: 7, origin: A, entry: null }), { node: C, epoch: 10 }],
    ['returned', expect.objectContaining({ id: 11, path: 7, origin: A, entry: null }), null],
    ['handover', bob, 12],
    ['turn', bob, 14],
    ['presence', { key: bob, online: true, at: 16, epoch: 17 }],
    ['echo', 18],
  ]);
});

test('frames that were read before are dropped, for each sender by itself', () => {
  const { from, messages, counters } = setUp();
  from(B, 1, sent(1), sent(2));
  from(B, 2, sent(2), sent(3));
  from(C, 1, sent(4));
  expect(messages.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  expect([counters.drops.stale_frame, counters.inboxEntries]).toEqual([1, 3]);
  expect([counters.inboxLag.count, counters.inboxLag.sum]).toEqual([3, 9]);
});

test('a frame of a type that a later release has is passed over and counted, and is acknowledged', async () => {
  const { from, links, messages, counters, appends, run } = setUp();
  const unknown = Buffer.from(sent(2));
  unknown[0] = Math.max(...Object.values(frames.NodeFrame)) + 1;
  from(B, 1, sent(1), unknown, sent(3));
  expect(messages.map(({ id }) => id)).toEqual([1, 3]);
  expect([counters.drops.unknown_frame, counters.drops.unreadable_entry]).toEqual([1, 0]);
  links.to(B).signal(frames.NodeFrame.probe);
  await run();
  expect(readEnvelope(appends.last[0].envelope)?.ack).toBe(3);
});

test('acknowledgments go both ways, and a probe is answered', async () => {
  const { read, links, appends, run, world } = setUp();
  links.to(B).message(message(), 1);
  await run();
  await appends.answer({ kind: 'ok' }, world);
  expect(links.frames).toBe(1);
  read(frames.encodeEnvelope(B, 1, 1, [{ bytes: frames.encodeEmpty(frames.NodeFrame.probe) }]));
  await run();
  expect([appends.calls.length, readEnvelope(appends.last[0].envelope)?.ack]).toEqual([2, 1]);
  await appends.answer({ kind: 'ok' }, world);
  expect(links.frames).toBe(1);
});

test('is trimmed behind what is settled, and no further', async () => {
  const { from, messages, trim, reader, run, world } = setUp();
  const first = from(B, 1, sent(1));
  from(B, 2, sent(2));
  const third = from(B, 3, frames.encodeEmpty(frames.NodeFrame.none));
  await run(500);
  expect([trim.calls.length, reader.unsettled]).toEqual([0, 3]);
  (messages[0] as Message & { entry: { unsettled: number } }).entry.unsettled -= 1;
  await run(50);
  expect(trim.last.slice(0, 2)).toEqual([A, first]);
  await trim.answer({ kind: 'unavailable', reason: '' }, world);
  (messages[1] as Message & { entry: { unsettled: number } }).entry.unsettled -= 1;
  await run(200);
  expect([trim.calls.length, trim.last[1]]).toEqual([2, first]);
  await trim.answer({ kind: 'trimmed' }, world);
  await run(50);
  expect([trim.last[1], reader.unsettled]).toEqual([third, 0]);
});

test('an envelope of a version that nobody here reads is logged, and does not hold up the log', async () => {
  const { read, log, trim, counters, run } = setUp();
  const id = read(Buffer.of(9, 1, 2, 3));
  expect(counters.drops.unreadable_entry).toBe(1);
  expect(log.lines).toEqual(['an inbox entry is of no version that this node reads']);
  await run(50);
  expect(trim.last).toEqual([A, id, 4]);
});

test('an envelope that ends too early is logged, what stood before takes effect, and the log is trimmed', async () => {
  const { read, log, trim, counters, run, messages } = setUp();
  const cut = frames.encodeMessage(message({ payload: new Uint8Array(0) }), 1).subarray(0, 10);
  cut.writeUInt32BE(5, 1);
  read(frames.encodeEnvelope(B, 1, 0, [{ bytes: sent(1) }, { bytes: cut }]));
  expect([messages.length, log.lines]).toEqual([1, ['an inbox entry is malformed']]);
  expect(counters.drops.unreadable_entry).toBe(1);
  (messages[0] as Message & { entry: { unsettled: number } }).entry.unsettled -= 1;
  await run(50);
  expect(trim.calls.length).toBe(1);
});

test('no bytes whatever make it throw', () => {
  const envelope = frames.encodeEnvelope(B, 1, 0, [
    { bytes: sent(1) },
    { bytes: frames.encodeReturned(message(), { node: C, epoch: 10 }) },
  ]);
  const damage = fc.record({
    cut: fc.nat(envelope.length),
    at: fc.nat(envelope.length - 1),
    to: fc.nat(255),
    tail: fc.uint8Array({ maxLength: 20 }),
  });
  fc.assert(
    fc.property(damage, ({ cut, at, to, tail }) => {
      const { read } = setUp();
      const bytes = Buffer.from(envelope);
      bytes[at] = to;
      expect(() => read(Buffer.concat([bytes.subarray(0, cut), tail]))).not.toThrow();
    }),
  );
});
