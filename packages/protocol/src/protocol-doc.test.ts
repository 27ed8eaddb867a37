import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodePacket, decodeText, type Side } from '../test/decoding.ts';
import { fromHex, toHex } from '../test/meaning.ts';
import {
  CloseCode,
  ErrorCode,
  encodeFrame,
  FRAME_TYPE_NAMES,
  type Frame,
  FrameOrigin,
  FrameType,
  isTemporary,
  ReceiptStatus,
} from './index.ts';
import * as limits from './limits.ts';

const document = readFileSync(new URL('../../../PROTOCOL.md', import.meta.url), 'utf8');

interface Example {
  side: Side;
  hex: string[];
  json: string[];
}

function blocks(kind: string): Example[] {
  const fence = new RegExp(`^\`\`\`${kind} (client|relay)\n(.*?)^\`\`\``, 'gms');
  return [...document.matchAll(fence)].map(([, side, body]) => {
    const lines = (body as string).trim().split('\n');
    return {
      side: side as Side,
      hex: lines.filter((line) => /^[0-9a-f]+$/.test(line)),
      json: lines.filter((line) => line.startsWith('{')),
    };
  });
}

/** The JSON form knows only one receipt an object: many of them mean the same as one frame with all. */
function receiptsApart(frames: Frame[]): Frame[] {
  return frames.flatMap((frame): Frame[] =>
    frame.type === 'receipt' ? frame.receipts.map((one) => ({ ...frame, receipts: [one] })) : [frame],
  );
}

const UNITS: Readonly<Record<string, number>> = { MiB: 2 ** 20, KiB: 2 ** 10, s: 1000, ms: 1 };

function scale(digits: string | undefined, unit: string | undefined): number {
  return Number(digits) * (unit === undefined ? 1 : (UNITS[unit] ?? Number.NaN));
}

const rows = (pattern: RegExp) => [...document.matchAll(pattern)].map((match) => match.slice(1));

describe('worked examples', () => {
  const examples = blocks('vector');

  test.each(examples)('$json', ({ side, hex, json }) => {
    const packet = hex.join('');
    const { frames, failures } = decodePacket(side, fromHex(packet));
    expect(failures).toEqual([]);
    expect(frames.map((frame) => toHex(encodeFrame(frame))).join('')).toBe(packet);
    const fromJson = json.map((text) => decodeText(side, text));
    expect(fromJson.flatMap((decoded) => decoded.failures)).toEqual([]);
    expect(fromJson.flatMap((decoded) => decoded.frames)).toEqual(receiptsApart(frames));
  });

  test('are there for nearly every frame', () => {
    const shown = new Set(examples.flatMap(({ json }) => json.map((text) => JSON.parse(text).type as string)));
    expect(FRAME_TYPE_NAMES.filter((name) => !shown.has(name))).toEqual(['proof', 'pong', 'unwatch']);
  });

  test('of a conversation in JSON are well-formed', () => {
    const [session] = rows(/^```json-session\n(.*?)^```/gms);
    const lines = (session?.[0] ?? '').trim().split('\n');
    expect(lines).toHaveLength(6);
    for (const line of lines) {
      const [, side, text] = /^(client|relay) +(.*)$/.exec(line) ?? [];
      expect(decodeText(side as Side, text as string)).toMatchObject({ frames: [{}], failures: [] });
    }
  });

  test('of what is malformed are so', () => {
    const [bad] = blocks('malformed');
    expect(bad?.hex).toHaveLength(3);
    expect(bad?.json).toHaveLength(3);
    for (const hex of bad?.hex ?? []) expect(decodePacket('client', fromHex(hex)).failures).toHaveLength(1);
    for (const text of bad?.json ?? []) expect(decodeText('client', text).failures).toHaveLength(1);
  });
});

describe('tables', () => {
  test('of frames', () => {
    const written = rows(/^\| ([A-Z_]+) \| (0x[0-9A-F]{2}) \| (\w+) \| (?:CBOR|data) \|/gm);
    const known = FRAME_TYPE_NAMES.map((name) => [name.toUpperCase(), FrameType[name], FrameOrigin[name]]);
    expect(written.map(([name, type, from]) => [name, Number(type), from])).toEqual(known);
  });

  test('of receipts', () => {
    const written = rows(/^\| (\d+) \| `(\w+)` \| .* \| (yes|no) \|$/gm);
    const known = Object.entries(ReceiptStatus).map(([name, code]) => [code, name, isTemporary(code) ? 'no' : 'yes']);
    expect(written.map(([code, name, final]) => [Number(code), name, final])).toEqual(known);
  });

  test('of errors', () => {
    const written = rows(/^\| `(\w+)` \| (4\d\d\d) \| .* \| (reconnects|does not)/gm);
    const known = Object.entries(ErrorCode).filter(([, rule]) => rule.close !== null);
    expect(written.map(([code, close, then]) => [code, Number(close), then === 'reconnects'])).toEqual(
      known.map(([code, { close, retry }]) => [code, close, retry]),
    );
    const [withRef] = rows(/^Only ever with `ref`: (.*)\.$/gm);
    const refOnly = Object.entries(ErrorCode).filter(([, rule]) => rule.close === null);
    expect(withRef?.[0]).toBe(refOnly.map(([code]) => `\`${code}\``).join(', '));
  });

  test('of close codes', () => {
    const written = rows(/^\| .* \| (4\d\d\d) \|/gm).map(([code]) => Number(code));
    expect([...new Set(written)].sort()).toEqual(Object.values(CloseCode).sort());
  });

  test('of limits', () => {
    const section = document.slice(document.indexOf('## 11. '));
    const written = [...section.matchAll(/^\| ([^|]+) \| ([^|]*\d[^|]*) \|$/gm)].map(([, name, value]) => [
      name,
      [...(value as string).matchAll(/(\d+)(?: (MiB|KiB|s|ms)\b)?/g)].map(([, digits, unit]) => scale(digits, unit)),
    ]);
    expect(written).toEqual([
      ['packet', [limits.MAX_PACKET_BYTES, limits.HARD_PACKET_BYTES]],
      ['body of a control frame', [limits.MAX_CONTROL_BYTES]],
      ['payload of a message', [limits.DEFAULT_MAX_PAYLOAD]],
      ['peer id', [limits.MAX_PEER_ID_BYTES]],
      ['realm', [64]],
      ['HELLO after the upgrade', [limits.HELLO_TIMEOUT_MS]],
      ['silence before 4008', [limits.HEARTBEATS_BEFORE_TIMEOUT]],
      ['messages without a receipt', [limits.DEFAULT_SEND_WINDOW]],
      ['outcome of a SEND', [limits.OUTCOME_TIMEOUT_MS]],
      [
        'deliveries without ACK',
        [limits.DELIVERY_WINDOW_MESSAGES, limits.DELIVERY_WINDOW_BYTES, limits.ACK_TIMEOUT_MS],
      ],
      ['ACK by the client', [limits.ACK_EVERY_MESSAGES, limits.ACK_EVERY_MS]],
      ['duplicates remembered for each sender', [limits.DEDUPE_IDS, limits.DEDUPE_MS]],
      ['THROTTLE', [limits.THROTTLE_INTERVAL_MS]],
      ['peers watched by a connection', [limits.MAX_WATCHED]],
      ['reconnect without a change of presence', [limits.PRESENCE_GRACE_MS]],
      ['`meta` of a tunnel', [limits.MAX_TUNNEL_META_BYTES]],
      ['TUNNEL_DATA', [limits.MAX_TUNNEL_DATA_BYTES]],
      ['answer to TUNNEL_OFFER', [limits.TUNNEL_ACCEPT_TIMEOUT_MS]],
    ]);
  });
});
