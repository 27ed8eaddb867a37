import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Decoded, decodePacket, decodeText, type Side } from '../test/decoding.ts';
import { expand, frameOf, fromHex, type Long, type Meaning, toHex } from '../test/meaning.ts';
import {
  asPeerId,
  asRealm,
  encodeFrame,
  encodeText,
  FRAME_TYPE_NAMES,
  type MalformedKind,
  type NodeId,
  type PeerId,
  peerIdOfKey,
  proofMessage,
  type RealmName,
} from './index.ts';

interface Vector {
  name: string;
  from: Side;
  bytes?: Long;
  text?: Long;
  frames: Meaning[];
  canonical?: boolean;
  malformed?: MalformedKind;
}

interface Vectors {
  binary: { valid: Vector[]; invalid: Vector[] };
  json: { valid: Vector[]; invalid: Vector[] };
  keys: { publicKey: string; peer: string }[];
  proofs: { nonce: string; realm: string; peer: string; node: string; message: string }[];
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/v1.json', import.meta.url), 'utf8')) as Vectors;

function decode(vector: Vector): Decoded {
  if (vector.bytes !== undefined) return decodePacket(vector.from, fromHex(expand(vector.bytes)));
  if (vector.text !== undefined) return decodeText(vector.from, expand(vector.text));
  throw new Error(`vector "${vector.name}" has neither bytes nor text`);
}

const titled = (list: Vector[]) => list.map((vector) => [`${vector.from}: ${vector.name}`, vector] as const);

describe.each(['binary', 'json'] as const)('%s vectors', (form) => {
  const { valid, invalid } = vectors[form];

  test.each(titled(valid))('valid, %s', (_, vector) => {
    const frames = vector.frames.map(frameOf);
    expect(decode(vector)).toEqual({ frames, failures: [] });
    if (vector.canonical === false) return;
    if (form === 'binary') {
      expect(frames.map((frame) => toHex(encodeFrame(frame))).join('')).toBe(expand(vector.bytes as Long));
    } else {
      const texts = frames.flatMap(encodeText);
      expect(texts.map((text) => JSON.parse(text))).toEqual([JSON.parse(expand(vector.text as Long))]);
    }
  });

  test.each(titled(invalid))('invalid, %s', (_, vector) => {
    const { frames, failures } = decode(vector);
    expect(failures.map((failure) => failure.kind)).toEqual([vector.malformed]);
    expect(failures[0]?.reason).toMatch(/\w{3}/);
    expect(frames).toEqual(vector.frames.map(frameOf));
  });

  test('cover every frame type and kind of failure', () => {
    const canonical = valid.filter((vector) => vector.canonical !== false);
    const types = new Set(canonical.flatMap((vector) => vector.frames.map((frame) => frame.type)));
    expect([...types].sort()).toEqual([...FRAME_TYPE_NAMES].sort());
    const kinds = ['packet_size', 'unknown_type', 'wrong_direction', 'encoding', 'field'];
    if (form === 'binary') kinds.push('layout', 'truncated');
    expect([...new Set(invalid.map((vector) => vector.malformed))].sort()).toEqual(kinds.sort());
  });

  test('have names of their own', () => {
    for (const list of [valid, invalid]) {
      const names = list.map((vector) => `${vector.from} ${vector.name}`);
      expect(new Set(names).size).toBe(names.length);
    }
  });
});

test.each(vectors.keys)('key $publicKey is peer $peer', ({ publicKey, peer }) => {
  expect(peerIdOfKey(fromHex(publicKey))).toBe(peer);
  expect(peer).toHaveLength(52);
});

test.each(vectors.proofs)('proof of $peer to $node', ({ nonce, realm, peer, node, message }) => {
  const checked = { realm: asRealm(realm) as RealmName, peer: asPeerId(peer) as PeerId };
  expect(toHex(proofMessage(fromHex(nonce), checked.realm, checked.peer, node as NodeId))).toBe(message);
});
