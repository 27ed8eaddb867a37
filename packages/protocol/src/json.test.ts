import { expect, test } from 'vitest';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { decodeClientText, decodeRelayText, encodeText, type PeerId } from './index.ts';

test('RECEIPT becomes one text for each receipt, in order', () => {
  const receipts = [
    { id: 1, status: 1 },
    { id: 2n ** 64n - 1n, status: 17 },
  ];
  expect(encodeText({ type: 'receipt', receipts })).toEqual([
    '{"type":"receipt","id":"1","status":"delivered"}',
    '{"type":"receipt","id":"18446744073709551615","status":"rate_limited"}',
  ]);
  expect(() => encodeText({ type: 'receipt', receipts: [{ id: 1, status: 99 }] })).toThrow(RangeError);
});

test('SEND leaves out an id that is to be assigned, and names nobody by the empty text', () => {
  const frame = { type: 'send', id: null, flags: 0, to: 'bob' as PeerId, payload: Uint8Array.of(1) } as const;
  expect(encodeText(frame).map((text) => JSON.parse(text))).toEqual([
    { type: 'send', flags: 0, to: 'bob', payload: 'AQ==' },
  ]);
  expect(encodeText({ ...frame, to: null }).map((text) => JSON.parse(text).to)).toEqual(['']);
});

test('what onFrame throws passes through', () => {
  const fail = () => {
    throw new TypeError('of the session');
  };
  const text = '{"type":"ping","data":"AAAAAAAAAAA="}';
  expect(() => decodeClientText(text, fail)).toThrow('of the session');
  expect(() => decodeRelayText(text, fail, () => {})).toThrow('of the session');
});

test('nesting deeper than the call stack is no problem', () => {
  const deep = `${'['.repeat(200_000)}"\\ud83d\\udea2"${']'.repeat(200_000)}`;
  const seqs: number[] = [];
  const onFrame = (frame: { type: string }) => seqs.push((frame as { seq?: number }).seq ?? -1) > 0;
  expect(decodeClientText(`{"type":"ack","seq":5,"x":${deep}}`, onFrame)).toBeNull();
  expect(seqs).toEqual([5]);
});

test('reasons name the frame and the field', () => {
  const reasonOf = (text: string) => decodeClientText(text, () => true)?.reason;
  expect(reasonOf('{"type":"send","to":"bob"}')).toBe('SEND lacks "payload"');
  expect(reasonOf('{"type":"hello","auth":{"scheme":"x"}}')).toBe(
    'HELLO auth has a "scheme" that is not one of none, token, key',
  );
  expect(reasonOf('{"type":"watch","peers":[""]}')).toBe(
    'WATCH has a "peers" that is not a list of at most 256, each a peer id',
  );
});

test.each([
  // The examples of RFC 4648, section 10.
  ['', ''],
  ['f', 'Zg=='],
  ['fo', 'Zm8='],
  ['foo', 'Zm9v'],
  ['foob', 'Zm9vYg=='],
  ['fooba', 'Zm9vYmE='],
  ['foobar', 'Zm9vYmFy'],
])('base64 of "%s"', (plain, encoded) => {
  const bytes = new TextEncoder().encode(plain);
  expect(encodeBase64(bytes)).toBe(encoded);
  expect(decodeBase64(encoded)).toEqual(bytes);
});

test('base64 agrees with that of Node for every byte and every length to 300', () => {
  for (let length = 0; length <= 300; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 89 + length) & 255);
    expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
    expect(decodeBase64(Buffer.from(bytes).toString('base64'))).toEqual(bytes);
  }
});
