import { peerIdOfKey } from '@causeway/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateKey } from '../key.ts';
import { generateIdentity, keyOfPeerId, signClaim, signerOfClaim } from './identity.ts';

describe('keyOfPeerId', () => {
  it('is the reverse of the peer id of a key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        expect(keyOfPeerId(peerIdOfKey(key))).toEqual(key);
      }),
    );
  });

  it('has nothing for ids that are no keys', () => {
    const id = peerIdOfKey(new Uint8Array(32));
    const others = ['', 'alice', id.slice(1), `${id}a`, `${id.slice(1)}b`, `${id.slice(1)}A`, `${id.slice(1)}1`];
    expect(others.map(keyOfPeerId)).toEqual(others.map(() => null));
  });
});

describe('a claim', () => {
  it('has one signer, one role, one static key and one handshake', async () => {
    const key = await generateKey();
    const claim = { role: 'initiator', identity: generateIdentity().publicKey, hash: new Uint8Array(32) } as const;
    const proof = await signClaim(key, claim);
    expect(signerOfClaim(proof, claim)).toEqual(key.publicKey);
    const others = [
      { ...claim, role: 'responder' as const },
      { ...claim, identity: generateIdentity().publicKey },
      { ...claim, hash: new Uint8Array(32).fill(1) },
    ];
    expect(others.map((other) => signerOfClaim(proof, other))).toEqual([null, null, null]);
    for (const at of [0, 31, 32, 95]) {
      expect(signerOfClaim(proof.with(at, (proof[at] ?? 0) ^ 1), claim)).toBe(null);
    }
  });
});
