import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linked } from '../../test/linked.ts';
import { FAULTS } from './errors.ts';
import { type Control, decodeControl, encodeControl } from './records.ts';
import { encodeRecord, type Incoming, MAX_DATA_BYTES, RecordReader } from './wire.ts';

const number = fc.nat();
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const control: fc.Arbitrary<Control> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    version: number,
    role: fc.constantFrom('sender', 'receiver', 'pipe'),
  }),
  fc.record(
    {
      type: fc.constant('entry' as const),
      path: fc.array(fc.string({ unit: 'grapheme' })),
      folder: fc.boolean(),
      executable: fc.boolean(),
      size: fc.maxSafeNat(),
    },
    { requiredKeys: ['type', 'path', 'folder', 'executable'] },
  ),
  fc.record({ type: fc.constantFrom('have' as const, 'got' as const), file: number, bytes: fc.maxSafeNat() }),
  fc.record({ type: fc.constantFrom('take' as const, 'file' as const), file: number, from: fc.maxSafeNat() }),
  fc.record({ type: fc.constant('prefix' as const), file: number, hash }, { requiredKeys: ['type', 'file'] }),
  fc.record({ type: fc.constant('end' as const), hash }),
  fc.record({ type: fc.constantFrom('ready' as const, 'done' as const, 'wait' as const) }),
  fc.record({ type: fc.constant('saved' as const), file: number }),
  fc.record({ type: fc.constant('error' as const), fault: fc.constantFrom(...FAULTS), message: fc.string() }),
);

async function readAll(reader: RecordReader): Promise<Incoming[]> {
  const records: Incoming[] = [];
  for (let record = await reader.next(); record !== null; record = await reader.next()) records.push(record);
  return records;
}

describe('records', () => {
  it('are read as they were written, however the bytes are cut up', async () => {
    const records = fc.array(fc.oneof(control, fc.uint8Array({ maxLength: 300 })), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(records, fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }), async (sent, chunks) => {
        const [left, right] = linked({ chunks }).ends;
        const writer = left.writable.getWriter();
        const written = sent.map((record) => writer.write(encodeRecord(record)));
        const read = readAll(new RecordReader(right.readable));
        await Promise.all([...written, writer.close()]);
        expect(await read).toEqual(sent);
      }),
    );
  });

  it('that are cut off are none', async () => {
    await fc.assert(
      fc.asyncProperty(control, fc.nat(), async (record, seed) => {
        const packet = encodeRecord(record);
        const [left, right] = linked().ends;
        const writer = left.writable.getWriter();
        void writer.write(packet.subarray(0, seed % packet.length));
        void writer.close();
        expect(await readAll(new RecordReader(right.readable))).toEqual([]);
      }),
    );
  });

  it.each([
    ['a kind that there is none of', Uint8Array.of(3, 0, 0, 0, 0), /unknown kind 3/],
    ['a control record beyond the limit', Uint8Array.of(1, 0, 1, 0, 1), /65537 bytes, 65536 at most/],
    ['more bytes than go at once', Uint8Array.of(2, 0, 4, 0, 1), new RegExp(`${MAX_DATA_BYTES} at most`)],
    ['no CBOR', Uint8Array.of(1, 0, 0, 0, 1, 0xff), /is not CBOR/],
    ['no map', Uint8Array.of(1, 0, 0, 0, 1, 0x01), /is not a map/],
  ])('of %s are refused', async (_, bytes, message) => {
    const [left, right] = linked().ends;
    void left.writable.getWriter().write(bytes);
    await expect(new RecordReader(right.readable).next()).rejects.toMatchObject({
      fault: 'protocol',
      message: expect.stringMatching(message),
    });
  });

  it('hands out what follows them', async () => {
    const [left, right] = linked().ends;
    const writer = left.writable.getWriter();
    void writer.write(Buffer.concat([encodeRecord({ type: 'wait' }), Buffer.from('raw ')]));
    void writer.write(Buffer.from('bytes'));
    void writer.close();
    const reader = new RecordReader(right.readable);
    expect(await reader.next()).toEqual({ type: 'wait' });
    expect(await new Response(reader.rest()).text()).toBe('raw bytes');
  });
});

describe('docs/file-transfer.md', () => {
  it('shows records as they are', () => {
    const page = readFileSync(new URL('../../../../docs/file-transfer.md', import.meta.url), 'utf8');
    const lines = (/^```record\n(.*?)^```$/ms.exec(page)?.[1] ?? '').trim().split('\n');
    expect(lines).toHaveLength(6);
    for (let at = 0; at < lines.length; at += 2) {
      const [hex = '', shown = ''] = lines.slice(at, at + 2);
      const record = shown.startsWith('{') ? (JSON.parse(shown) as Control) : Buffer.from(shown);
      expect(Buffer.from(encodeRecord(record)).toString('hex')).toBe(hex);
    }
  });

  it('names every fault', () => {
    const page = readFileSync(new URL('../../../../docs/file-transfer.md', import.meta.url), 'utf8');
    expect(FAULTS.filter((fault) => !page.includes(`\`${fault}\``))).toEqual([]);
  });
});

describe('decodeControl', () => {
  it('ignores fields that it does not know, and refuses wrong ones', () => {
    const wait = { type: 'wait', since: 5 } as Control;
    expect(decodeControl(encodeControl(wait))).toEqual({ type: 'wait' });
    for (const wrong of [
      { type: 'dance' },
      { type: 'have', file: -1, bytes: 0 },
      { type: 'have', file: 0 },
      { type: 'end', hash: new Uint8Array(31) },
      { type: 'entry', path: 'x' },
      { type: 'hello', version: 1, role: 'thief' },
    ]) {
      expect(() => decodeControl(encodeControl(wrong as unknown as Control))).toThrow('a record of the other end');
    }
  });

  it('keeps the words of a fault that it does not know', () => {
    const error = { type: 'error', fault: 'sunspots', message: 'bits flipped' } as unknown as Control;
    expect(decodeControl(encodeControl(error))).toEqual({ type: 'error', fault: 'internal', message: 'bits flipped' });
  });
});
