import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { hexToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import published from '../../test/vectors/noise.json' with { type: 'json' };
import { generateIdentity } from './identity.ts';
import { NoiseHandshake, OVERHEAD, type Pattern } from './noise.ts';

const { vectors } = published;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const pairOf = (secret: string) => ({
  secretKey: hexToBytes(secret),
  publicKey: x25519.getPublicKey(hexToBytes(secret)),
});

function ends(vector: (typeof vectors)[number]): [NoiseHandshake, NoiseHandshake] {
  const pattern = vector.pattern as Pattern;
  const prologue = hexToBytes(vector.prologue);
  const [initiator, responder] = [pairOf(vector.initStatic), pairOf(vector.respStatic)];
  const remote = pattern === 'IK' ? responder.publicKey : undefined;
  return [
    new NoiseHandshake({
      pattern,
      role: 'initiator',
      prologue,
      identity: initiator,
      remote,
      ephemeral: pairOf(vector.initEphemeral),
    }),
    new NoiseHandshake({
      pattern,
      role: 'responder',
      prologue,
      identity: responder,
      ephemeral: pairOf(vector.respEphemeral),
    }),
  ];
}

describe('Noise, by published vectors', () => {
  it.each(vectors)('$name', (vector) => {
    const [initiator, responder] = ends(vector);
    const handshakes = vector.pattern === 'XX' ? 3 : 2;
    vector.messages.slice(0, handshakes).forEach(({ payload, ciphertext }, at) => {
      const [writer, reader] = at % 2 === 0 ? [initiator, responder] : [responder, initiator];
      const message = writer.writeMessage(hexToBytes(payload));
      expect(hex(message)).toBe(ciphertext);
      expect(message.length).toBe((OVERHEAD[vector.pattern as Pattern][at] ?? 0) + payload.length / 2);
      expect(hex(reader.readMessage(message))).toBe(payload);
    });
    expect([hex(initiator.hash), hex(responder.hash)]).toEqual([vector.handshakeHash, vector.handshakeHash]);
    expect(hex(responder.remote)).toBe(hex(pairOf(vector.initStatic).publicKey));
    expect(hex(initiator.remote)).toBe(hex(pairOf(vector.respStatic).publicKey));

    const keys = initiator.split();
    expect(responder.split()).toEqual(keys);
    vector.messages.slice(handshakes).forEach(({ payload, ciphertext }, at) => {
      // The first message of each direction, the initiator's first.
      const key = keys[at] as Uint8Array;
      expect(hex(chacha20poly1305(key, new Uint8Array(12)).encrypt(hexToBytes(payload)))).toBe(ciphertext);
    });
  });
});

describe('a handshake', () => {
  const options = { prologue: new Uint8Array(0), identity: generateIdentity() };

  it('has no more messages than its pattern, and no keys before the last', () => {
    const handshake = new NoiseHandshake({ pattern: 'XX', role: 'initiator', ...options });
    expect(() => handshake.split()).toThrow('the handshake is not complete');
    expect(() => handshake.remote).toThrow('not known yet');
    handshake.writeMessage(new Uint8Array(0));
  });

  it('refuses points of small order', () => {
    const responder = new NoiseHandshake({ pattern: 'XX', role: 'responder', ...options });
    responder.readMessage(new Uint8Array(32));
    expect(() => responder.writeMessage(new Uint8Array(0))).toThrow();
  });
});
