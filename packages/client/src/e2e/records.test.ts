import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duplexPair, readAll, readableOf, writeAll } from '../../test/duplexes.ts';
import { SecurityError } from '../errors.ts';
import { utf8 } from './bytes.ts';
import { HEADER_BYTES, MAX_PLAINTEXT_BYTES, RECORD, RECORDS_PER_KEY, RecordCipher } from './cipher.ts';
import type { SecureDuplex } from './duplex.ts';
import { secureDuplex } from './records.ts';
import { deriveSession, nextKey } from './schedule.ts';
import { Wire } from './wire.ts';

const session = () => deriveSession(utf8('a secret of the handshake'), utf8('salt'));
const nowhere = () => new WritableStream<Uint8Array>();

/** The records that `chunks` become at the initiator, the end among them unless the direction stays open. */
async function sealed(chunks: readonly Uint8Array[], end = true): Promise<Uint8Array[]> {
  const records: Uint8Array[] = [];
  const writable = new WritableStream<Uint8Array>({ write: (record) => void records.push(record) });
  const channel = secureDuplex(new Wire({ readable: readableOf([]), writable }), 'initiator', session());
  await writeAll(channel.writable, ...chunks);
  return end ? records : records.slice(0, -1);
}

/** What the responder reads out of these bytes. */
async function opened(chunks: readonly Uint8Array[]): Promise<{ text: string; error: unknown }> {
  const wire = new Wire({ readable: readableOf(chunks), writable: nowhere() });
  const { bytes, error } = await readAll(secureDuplex(wire, 'responder', session()).readable);
  return { text: bytes.toString(), error: error instanceof SecurityError ? error.code : error };
}

const words = ['one ', 'two ', 'three'].map(utf8);

describe('records', () => {
  it('arrive complete and in order, however the bytes are cut', async () => {
    const all = Buffer.concat(await sealed(words));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), async (sizes) => {
        const chunks: Uint8Array[] = [];
        for (let at = 0, n = 0; at < all.length; n++) {
          const size = sizes[n % sizes.length] ?? 1;
          chunks.push(all.subarray(at, at + size));
          at += size;
        }
        expect(await opened(chunks)).toEqual({ text: 'one two three', error: null });
      }),
    );
  });

  it('are not read beyond a bit that was changed', async () => {
    const all = Buffer.concat(await sealed(words));
    for (let bit = 0; bit < all.length * 8; bit++) {
      const changed = Buffer.from(all);
      const at = Math.floor(bit / 8);
      changed.writeUInt8(changed.readUInt8(at) ^ (1 << (bit % 8)), at);
      const { text, error } = await opened([changed]);
      expect(['', 'one ', 'one two ', 'one two three']).toContain(text);
      expect(['tampered', 'truncated']).toContain(error);
    }
  });

  it('are not read when repeated, left out, reordered, or behind the end', async () => {
    const [one, two, three, end] = (await sealed(words)) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    expect(await opened([one, one, two, three, end])).toEqual({ text: 'one ', error: 'tampered' });
    expect(await opened([one, three, end])).toEqual({ text: 'one ', error: 'tampered' });
    expect(await opened([two, one, three, end])).toEqual({ text: '', error: 'tampered' });
    expect(await opened([one, end])).toEqual({ text: 'one ', error: 'tampered' });
    expect(await opened([one, two, three, end, end])).toEqual({ text: 'one two three', error: 'tampered' });
    expect(await opened([one, two, three, end])).toEqual({ text: 'one two three', error: null });
  });

  it('of the other direction are not one’s own', async () => {
    const records = await sealed(words);
    const wire = new Wire({ readable: readableOf(records), writable: nowhere() });
    const { error } = await readAll(secureDuplex(wire, 'initiator', session()).readable);
    expect(error).toMatchObject({ code: 'tampered' });
  });

  it('are known to be cut off at any byte', async () => {
    const all = Buffer.concat(await sealed(words));
    for (let length = 0; length < all.length; length++) {
      expect((await opened([all.subarray(0, length)])).error).toBe('truncated');
    }
  });

  it('fit a TUNNEL_DATA each, whatever is written', async () => {
    const content = new Uint8Array(MAX_PLAINTEXT_BYTES * 2 + 1).map((_, at) => at % 251);
    const records = await sealed([content, new Uint8Array(0), content.subarray(1, 3)]);
    expect(records.map((record) => record.length)).toEqual([65536, 65536, 21, 22, 20]);
    const wire = new Wire({ readable: readableOf(records), writable: nowhere() });
    const { bytes } = await readAll(secureDuplex(wire, 'responder', session()).readable);
    expect(Buffer.concat([content, content.subarray(1, 3)]).equals(bytes)).toBe(true);
  });

  it('open with their own header only', () => {
    const [key, empty] = [new Uint8Array(32).fill(7), new Uint8Array(0)];
    const [data, end] = [RECORD.data, RECORD.end].map((type) => new RecordCipher(key.slice()).seal(type, empty));
    const [header, body] = [end?.subarray(0, HEADER_BYTES), data?.subarray(HEADER_BYTES)];
    if (header === undefined || body === undefined || data === undefined) throw new Error('nothing sealed');
    expect(new RecordCipher(key.slice()).open(header, body)).toBe(null);
    expect(new RecordCipher(key.slice()).open(data.subarray(0, HEADER_BYTES), body)).toEqual(empty);
  });

  it('get a new key after so many, and the old one is forgotten', async () => {
    const key = new Uint8Array(32).fill(7);
    const copy = key.slice();
    const sealing = new RecordCipher(key);
    const opening = new RecordCipher(copy.slice());
    for (let n = 0; n < RECORDS_PER_KEY * 2 + 2; n++) {
      expect(key.every((byte) => byte === 0)).toBe(n >= RECORDS_PER_KEY);
      const record = sealing.seal(RECORD.data, Uint8Array.of(n % 256));
      const parts = [record.subarray(0, HEADER_BYTES), record.subarray(HEADER_BYTES)] as const;
      expect(opening.open(...parts)).toEqual(Uint8Array.of(n % 256));
      // The first record of each key has the same number: only the key tells it from another.
      if (n === RECORDS_PER_KEY) expect(new RecordCipher(copy.slice()).open(...parts)).toBe(null);
      if (n === RECORDS_PER_KEY) expect(new RecordCipher(nextKey(copy)).open(...parts)).toEqual(Uint8Array.of(n % 256));
    }
  });
});

describe('a channel', () => {
  const pair = (): [SecureDuplex, SecureDuplex] => {
    const { initiator, responder } = duplexPair();
    return [
      secureDuplex(new Wire(initiator), 'initiator', session()),
      secureDuplex(new Wire(responder), 'responder', session()),
    ];
  };

  it('closes each direction by itself', async () => {
    const [initiator, responder] = pair();
    await Promise.all([writeAll(initiator.writable, utf8('question')), readAll(responder.readable)]);
    const [answer] = await Promise.all([readAll(initiator.readable), writeAll(responder.writable, utf8('answer'))]);
    expect(answer).toEqual({ bytes: Buffer.from('answer'), error: null });
  });

  it('is over at both ends when one aborts it', async () => {
    const [initiator, responder] = pair();
    const writer = responder.writable.getWriter();
    await initiator.writable.abort(new Error('changed my mind'));
    expect((await readAll(responder.readable)).error).toMatchObject({ message: 'changed my mind' });
    expect((await readAll(initiator.readable)).error).toMatchObject({ message: 'changed my mind' });
    await expect(writer.closed).rejects.toThrow('changed my mind');
  });

  it('is over at both ends when something was changed', async () => {
    const { initiator, responder } = duplexPair((chunk, forward) => forward(chunk.with(9, (chunk[9] ?? 0) ^ 1)));
    const sending = secureDuplex(new Wire(initiator), 'initiator', session());
    const receiving = secureDuplex(new Wire(responder), 'responder', session());
    const [writer, other] = [sending.writable.getWriter(), receiving.writable.getWriter()];
    const [read] = await Promise.all([readAll(receiving.readable), writer.write(utf8('hello'))]);
    expect(read.error).toMatchObject({ code: 'tampered' });
    await expect(writer.closed).rejects.toMatchObject({ code: 'tampered' });
    await expect(other.closed).rejects.toMatchObject({ code: 'tampered' });
    expect((await readAll(sending.readable)).error).toMatchObject({ code: 'tampered' });
  });

  it('passes on the error of the streams below, and does not mind one behind the end', async () => {
    const records = await sealed(words);
    for (const [sent, expected] of [
      [records.slice(0, 2), 'peer_gone'],
      [records, null],
    ] as const) {
      let next = 0;
      const readable = new ReadableStream<Uint8Array>({
        pull(controller) {
          const record = sent[next++];
          if (record === undefined) controller.error(new Error('peer_gone'));
          else controller.enqueue(record);
        },
      });
      const channel = secureDuplex(new Wire({ readable, writable: nowhere() }), 'responder', session());
      const { error } = await readAll(channel.readable);
      expect(error instanceof Error ? error.message : error).toBe(expected);
    }
  });

  it('takes from the streams below only what is read', async () => {
    const [one, two] = (await sealed(words)) as [Uint8Array, Uint8Array];
    const pulled: number[] = [];
    const readable = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled.push(pulled.length);
          controller.enqueue(pulled.length === 1 ? one : two);
        },
      },
      { highWaterMark: 0 },
    );
    const reader = secureDuplex(
      new Wire({ readable, writable: nowhere() }),
      'responder',
      session(),
    ).readable.getReader();
    await reader.read();
    expect(pulled.length).toBe(1);
    await reader.read();
    expect(pulled.length).toBe(2);
  });

  it('writes no faster than the stream below takes', async () => {
    const taken: (() => void)[] = [];
    let seen = (): void => undefined;
    const writable = new WritableStream<Uint8Array>({
      write: () =>
        new Promise<void>((resolve) => {
          taken.push(resolve);
          seen();
        }),
    });
    const next = () => new Promise<void>((resolve) => (seen = resolve));
    const writer = secureDuplex(
      new Wire({ readable: readableOf([]), writable }),
      'initiator',
      session(),
    ).writable.getWriter();
    let done = false;
    const first = next();
    const written = writer.write(new Uint8Array(MAX_PLAINTEXT_BYTES * 3)).then(() => {
      done = true;
    });
    for (let n = 0; n < 3; n++) {
      await (n === 0 ? first : undefined);
      expect([taken.length, done]).toEqual([n + 1, false]);
      const following = next();
      taken[n]?.();
      if (n < 2) await following;
    }
    await written;
  });
});
