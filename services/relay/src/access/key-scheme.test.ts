import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  type HelloFrame,
  type NodeId,
  type PeerId,
  peerIdOfKey,
  proofMessage,
  type RealmName,
} from '@causeway/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ACME } from '../../../../test/kit/token-kit.ts';
import { identifyByKey } from './key-scheme.ts';

const NODE = 'n1' as NodeId;
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const bytes = Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url');
const OWN = peerIdOfKey(bytes);

function hello(rest: Partial<HelloFrame> = {}): HelloFrame {
  return { type: 'hello', v: 1, realm: ACME, auth: { scheme: 'key', publicKey: bytes }, ...rest };
}

interface Proof {
  readonly realm?: RealmName;
  readonly peer?: PeerId;
  readonly node?: NodeId;
  readonly key?: KeyObject;
  readonly nonce?: Uint8Array;
}

/** A client that signs these in place of what it should. */
function signer({ realm = ACME, peer = OWN, node = NODE, key = privateKey, nonce: other }: Proof = {}) {
  return async (nonce: Uint8Array): Promise<Uint8Array> =>
    sign(null, proofMessage(other ?? nonce, realm, peer, node), key);
}

it('takes who holds the key for the peer that the key is', async () => {
  const member = { kind: 'member', peer: OWN, sticky: false, limits: {}, expiresAt: null, token: '', issuedAt: 0 };
  expect(await identifyByKey(hello(), NODE, signer())).toEqual(member);
  expect(await identifyByKey(hello({ peer: OWN }), NODE, signer())).toEqual(member);
});

it.each<[string, Proof]>([
  ['another realm', { realm: 'lab' as RealmName }],
  ['another peer', { peer: 'alice' as PeerId }],
  ['another node', { node: 'n2' as NodeId }],
  ['another nonce', { nonce: new Uint8Array(32) }],
  ['another key', { key: generateKeyPairSync('ed25519').privateKey }],
])('refuses a signature of %s', async (_, proof) => {
  expect(await identifyByKey(hello(), NODE, signer(proof))).toMatchObject({ kind: 'refused', code: 'unauthorized' });
});

it('gives each client a nonce of its own', async () => {
  const nonces = new Set<string>();
  for (let i = 0; i < 10; i += 1) {
    await identifyByKey(hello(), NODE, async (nonce) => {
      nonces.add(`${nonce.length} ${Buffer.from(nonce).toString('hex')}`);
      return null;
    });
  }
  expect(nonces.size).toBe(10);
  expect([...nonces].every((nonce) => nonce.startsWith('32 '))).toBe(true);
});

it('asks for no proof where none can help', async () => {
  const never = () => Promise.reject(new Error('asked'));
  const code = 'unauthorized';
  expect(await identifyByKey(hello({ peer: 'bob' as PeerId }), NODE, never)).toMatchObject({ code });
  expect(await identifyByKey(hello({ auth: { scheme: 'key' } }), NODE, never)).toMatchObject({ code });
  const short = { scheme: 'key' as const, publicKey: bytes.subarray(1) };
  expect(await identifyByKey(hello({ auth: short }), NODE, never)).toMatchObject({ code });
});

it('takes neither a connection that closed nor whatever bytes for a proof', async () => {
  expect(await identifyByKey(hello(), NODE, async () => null)).toMatchObject({ kind: 'refused' });
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ maxLength: 80 }),
      async (publicKey, signature) => {
        const refused = await identifyByKey(hello({ auth: { scheme: 'key', publicKey } }), NODE, async () => signature);
        expect(refused).toMatchObject({ kind: 'refused', code: 'unauthorized' });
      },
    ),
  );
});
