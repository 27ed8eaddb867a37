import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { expand, fromHex, type Long, type Meaning, toHex } from '../../../packages/protocol/test/meaning.ts';
import type { CborMap } from './cbor.ts';
import { decodePacket, encodeAck, encodeHello, encodePing, encodeSend, type Frame } from './codec.ts';
import { text, utf8 } from './utf8.ts';

interface Vector {
  readonly name: string;
  readonly from: 'client' | 'relay';
  readonly bytes: Long;
  readonly frames: readonly Meaning[];
  readonly canonical?: boolean;
  readonly malformed?: string;
}

const file = new URL('../../../packages/protocol/vectors/v1.json', import.meta.url);
const { valid, invalid } = (JSON.parse(readFileSync(file, 'utf8')) as { binary: Record<'valid' | 'invalid', Vector[]> })
  .binary;

const CONTROL = ['welcome', 'error', 'goaway', 'throttle'];
const READ = [...CONTROL, 'ping', 'pong', 'deliver', 'receipt'];
const WRITTEN = ['hello', 'send', 'ack', 'ping', 'pong'];
/** What it looks into: the fields of control frames are the relay's word. */
const NOTICED = ['packet_size', 'truncated', 'layout', 'encoding', 'unknown_type', 'wrong_direction'];
/** Frames that are skipped whatever is in them. */
const UNREAD = /^TUNNEL_(?:CREDIT|END) /;

const bytesOf = ({ bytes }: Vector): Uint8Array => fromHex(expand(bytes));
const titled = (vectors: readonly Vector[]) => vectors.map((vector) => [vector.name, vector] as const);

/** As the vectors write it. */
function meaning(frame: Frame): unknown {
  if ('fields' in frame) return { type: frame.type, ...frame.fields };
  if ('data' in frame) return { type: frame.type, data: { hex: toHex(frame.data) } };
  if (frame.type === 'receipt') {
    return { type: 'receipt', receipts: frame.receipts.map(({ id, status }) => ({ id: `${id}`, status })) };
  }
  return { ...frame, id: `${frame.id}`, from: text(frame.from), payload: { hex: toHex(frame.payload) } };
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  if ('repeat' in value) return { hex: expand([value as { repeat: string; times: number }]) };
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]));
}

const bytesIn = (value: unknown): Uint8Array => fromHex((plain(value) as { hex: string }).hex);

function fields(value: object): CborMap {
  const entries = Object.entries(value).map(([key, entry]) => {
    if (typeof entry !== 'object') return [key, entry];
    return [key, 'hex' in entry || 'repeat' in entry ? bytesIn(entry) : fields(entry)];
  });
  return Object.fromEntries(entries) as CborMap;
}

function encode({ type, ...rest }: Meaning): Uint8Array {
  if (type === 'hello') return encodeHello(fields(rest));
  if (type === 'ack') return encodeAck(rest.seq as number);
  if (type === 'ping' || type === 'pong') return encodePing(type, bytesIn(rest.data));
  return encodeSend(BigInt(rest.id as string), rest.flags as number, utf8(rest.to as string), bytesIn(rest.payload));
}

const fromRelay = valid.filter(({ from }) => from === 'relay');
/** Frames that it writes, as it would. */
const fromClient = valid.filter(
  ({ from, canonical, frames }) =>
    from === 'client' && canonical !== false && frames.every(({ type, to }) => WRITTEN.includes(type) && to !== null),
);

describe('the codec of the load tests', () => {
  test.each(titled(fromRelay))('reads %s', (_, vector) => {
    const known = vector.frames.filter(({ type }) => READ.includes(type));
    expect(decodePacket(bytesOf(vector)).map(meaning)).toEqual(known.map(plain));
  });

  test.each(titled(fromClient))('writes %s', (_, vector) => {
    expect(vector.frames.map((one) => toHex(encode(one))).join('')).toBe(expand(vector.bytes));
  });

  const broken = invalid.filter(
    ({ from, malformed = '', name }) => from === 'relay' && NOTICED.includes(malformed) && !UNREAD.test(name),
  );
  test.each(titled(broken))('does not read %s', (_, vector) => {
    expect(() => decodePacket(bytesOf(vector))).toThrow(/\w{3}/);
  });

  test('is held against every frame that it knows', () => {
    const types = (vectors: readonly Vector[]) =>
      new Set(vectors.flatMap(({ frames }) => frames.map(({ type }) => type)));
    expect([...types(fromRelay)]).toEqual(expect.arrayContaining(READ));
    expect([...types(fromClient)].sort()).toEqual([...WRITTEN].sort());
    expect(broken.length).toBeGreaterThan(5);
  });
});
