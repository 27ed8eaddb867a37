import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Link, type LinkOptions, linked } from '../../test/linked.ts';
import { memorySource, memoryTarget } from '../../test/memory-files.ts';
import { LostError, TransferError } from './errors.ts';
import { receiveFiles, type TransferTarget } from './receiver.ts';
import type { Control } from './records.ts';
import { sendFiles, type TransferSource } from './sender.ts';
import { encodeRecord } from './wire.ts';

const quiet = { onStart: () => undefined, onGot: () => undefined, onSaved: () => undefined, onSent: () => undefined };
const never = new AbortController().signal;

interface Sides {
  readonly source?: TransferSource;
  readonly target?: TransferTarget;
  readonly signals?: readonly [AbortSignal, AbortSignal];
}

/** How both ends end: undefined for a sender that is done, true for a receiver that knows that the sender knows. */
async function transfer(link: Link, { source, target, signals: [sending, receiving] = [never, never] }: Sides) {
  const [left, right] = link.ends;
  const sent = sendFiles(left, source ?? memorySource({}), quiet, sending);
  const received = receiveFiles(right, target ?? memoryTarget(), quiet, receiving);
  const [sender, receiver] = await Promise.allSettled([sent, received]);
  return {
    sender: sender.status === 'rejected' ? (sender.reason as unknown) : sender.value,
    receiver: receiver.status === 'rejected' ? (receiver.reason as unknown) : receiver.value,
  };
}

const DONE = { sender: undefined, receiver: true };

function bytes(size: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at * 31 + seed * 17 + (at >> 8)) & 0xff);
}

describe('a transfer', () => {
  it('brings every file, of any size and however the bytes are cut up', async () => {
    const files = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.uint8Array({ maxLength: 2000 }), { maxKeys: 6 });
    const sizes = fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(files, sizes, fc.integer({ min: 1, max: 700 }), async (contents, chunks, read) => {
        const target = memoryTarget();
        expect(await transfer(linked({ chunks }), { source: memorySource(contents, read), target })).toEqual(DONE);
        expect(target.files()).toEqual({ ...contents });
      }),
      { numRuns: 60 },
    );
  });

  it('goes on from what is there after each cut, and sends hardly more than the bytes once', async () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 60_000 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.integer({ min: 200, max: 4000 }), async (places, read) => {
        const contents = { a: bytes(30_000), b: bytes(0), c: bytes(20_000, 2) };
        const source = memorySource(contents, read);
        const target = memoryTarget();
        const data: number[] = [];
        const events = { ...quiet, onSent: (sent: number) => void data.push(sent) };
        for (const cutAfter of [...places, undefined]) {
          const link = linked(cutAfter === undefined ? {} : ({ cutAfter } satisfies LinkOptions));
          const sent = sendFiles(link.ends[0], source, events, never);
          const received = receiveFiles(link.ends[1], target, quiet, never);
          const ends = await Promise.allSettled([sent, received]);
          const reasons = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
          for (const reason of reasons) expect(reason).toBeInstanceOf(LostError);
        }
        expect(target.files()).toEqual(contents);
        // Each cut may lose what is on its way: a few reads of the source.
        expect(data.reduce((sum, sent) => sum + sent, 0)).toBeLessThanOrEqual(50_000 + places.length * 4 * read);
      }),
      { numRuns: 40 },
    );
  });

  it('begins anew where the beginning is another', async () => {
    const target = memoryTarget({ a: bytes(500, 9), b: bytes(500) });
    const contents = { a: bytes(1000), b: bytes(1000) };
    expect(await transfer(linked(), { source: memorySource(contents), target })).toEqual(DONE);
    expect(target.files()).toEqual(contents);
    expect(target.opened).toEqual([
      { file: 0, from: 0 },
      { file: 1, from: 500 },
    ]);
  });

  it('ends at both ends with what the receiver says', async () => {
    const target = memoryTarget();
    const refusing: TransferTarget = {
      ...target,
      consider: () => Promise.reject(new TransferError('declined', 'not now')),
    };
    const { sender, receiver } = await transfer(linked(), { source: memorySource({ a: bytes(10) }), target: refusing });
    expect(receiver).toMatchObject({ fault: 'declined', byPeer: false });
    expect(sender).toMatchObject({ fault: 'declined', message: 'the other side: not now', byPeer: true });
  });

  it('tells the sender, in the middle of the bytes, that the disk is full', async () => {
    const target = memoryTarget({}, { capacity: 5000 });
    const { sender, receiver } = await transfer(linked(), {
      source: memorySource({ a: bytes(900_000) }, 1000),
      target,
    });
    expect(receiver).toMatchObject({ fault: 'no_space', byPeer: false });
    expect(sender).toMatchObject({ fault: 'no_space', byPeer: true });
  });

  it('tells the receiver that the source is gone', async () => {
    const source = memorySource({ a: bytes(50_000) }, 1000, { failAt: 20_000 });
    const target = memoryTarget();
    const { sender, receiver } = await transfer(linked(), { source, target });
    expect(sender).toMatchObject({ fault: 'source_gone', byPeer: false });
    expect(receiver).toMatchObject({ fault: 'source_gone', byPeer: true });
    expect(target.parts().a).toEqual(bytes(50_000).slice(0, 20_000));
  });

  it('does not take what does not fit its hash', async () => {
    const source = memorySource({ a: bytes(1000) });
    const lying: TransferSource = {
      ...source,
      open: async (file, from) => ({ ...(await source.open(file, from)), digest: () => new Uint8Array(32) }),
    };
    const { sender, receiver } = await transfer(linked(), { source: lying });
    expect(receiver).toMatchObject({ fault: 'hash_mismatch' });
    expect(sender).toMatchObject({ fault: 'hash_mismatch', byPeer: true });
  });

  it.each(['sender', 'receiver'] as const)('is ended by Ctrl-C at the %s, which the other is told', async (who) => {
    const control = new AbortController();
    const source = memorySource({ a: bytes(50_000) }, 1000, { onRead: (at) => at > 20_000 && control.abort() });
    const signals = who === 'sender' ? ([control.signal, never] as const) : ([never, control.signal] as const);
    const ends = await transfer(linked(), { source, signals });
    const [own, other] = who === 'sender' ? [ends.sender, ends.receiver] : [ends.receiver, ends.sender];
    expect(own).toMatchObject({ fault: 'cancelled', byPeer: false });
    expect(other).toMatchObject({ fault: 'cancelled', byPeer: true });
  });

  it('ends while the receiver is asked, when the sender goes', async () => {
    const control = new AbortController();
    const target = memoryTarget();
    let asked = false;
    const asking: TransferTarget = {
      ...target,
      consider: (_, over) => {
        asked = true;
        control.abort();
        return new Promise((_resolve, reject) => over.addEventListener('abort', () => reject(over.reason)));
      },
    };
    const { receiver } = await transfer(linked(), { target: asking, signals: [control.signal, never] });
    expect(asked).toBe(true);
    expect(receiver).toMatchObject({ fault: 'cancelled', byPeer: true });
  });

  it('is none between two senders, or with another version', async () => {
    const [left, right] = linked().ends;
    const ends = await Promise.allSettled([
      sendFiles(left, memorySource({}), quiet, never),
      sendFiles(right, memorySource({}), quiet, never),
    ]);
    for (const end of ends) {
      expect(end).toMatchObject({ reason: { message: expect.stringContaining('`causeway send-file`') } });
    }
    const received = await speak([{ type: 'hello', version: 2, role: 'sender' }]);
    expect(received).toMatchObject({ fault: 'version', message: 'the other end speaks version 2, this one 1' });
  });
});

const HELLO: Control = { type: 'hello', version: 1, role: 'sender' };
const ENTRY: Control = { type: 'entry', path: ['a'], folder: false, executable: false, size: 3 };
const READY: Control = { type: 'ready' };

/** What a receiver ends with when the other end says these things, whatever it answers. */
async function speak(records: readonly (Control | Uint8Array)[]): Promise<unknown> {
  const [left, right] = linked().ends;
  const received = receiveFiles(right, memoryTarget(), quiet, never).catch((error: unknown) => error);
  const writer = left.writable.getWriter();
  const said = (async () => {
    for (const record of records) await writer.write(encodeRecord(record));
    await writer.close();
  })();
  await Promise.allSettled([said, left.readable.pipeTo(new WritableStream()), received]);
  return received;
}

describe('a receiver', () => {
  const hash = new Uint8Array(createHash('sha256').update('abc').digest());

  it.each<[string, readonly (Control | Uint8Array)[]]>([
    ['bytes instead of a greeting', [Uint8Array.of(1)]],
    ['a file that is not due', [HELLO, ENTRY, READY, READY, { type: 'file', file: 1, from: 0 }]],
    ['a file from elsewhere', [HELLO, ENTRY, READY, READY, { type: 'file', file: 0, from: 2 }]],
    ['a hash that was not asked for', [HELLO, ENTRY, READY, { type: 'prefix', file: 0, hash }]],
    [
      'something else in a file',
      [HELLO, ENTRY, READY, READY, { type: 'file', file: 0, from: 0 }, Buffer.from('ab'), { type: 'done' }],
    ],
    ['the end before the file', [HELLO, ENTRY, READY, READY, { type: 'done' }]],
  ])('refuses %s', async (_, records) => {
    expect(await speak(records)).toMatchObject({ fault: 'protocol', byPeer: false });
  });

  it('waits for no memory beyond a limit', async () => {
    const long: Control = { type: 'entry', path: ['x'.repeat(60_000)], folder: true, executable: false };
    const many = Array.from({ length: 300 }, () => long);
    expect(await speak([HELLO, ...many])).toMatchObject({ fault: 'too_many' });
  });
});
