import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { promisify } from 'node:util';
import {
  type HelloFrame,
  NONCE_BYTES,
  type NodeId,
  PUBLIC_KEY_BYTES,
  peerIdOfKey,
  proofMessage,
} from '@causeway/protocol';
import type { Member, Refused } from '../core/authenticator.ts';
import { refused } from './refusals.ts';

/** In the platform's own threads. */
const verifySignature = promisify(verify);

/**
 * Members by an Ed25519 key that is their peer id (PROTOCOL section 2): the client signs a nonce of ours.
 * @param prove resolves to the signature; null when the connection has closed
 */
export async function identifyByKey(
  { realm, peer, auth }: HelloFrame,
  node: NodeId,
  prove: (nonce: Uint8Array) => Promise<Uint8Array | null>,
): Promise<Member | Refused> {
  const { publicKey } = auth ?? {};
  if (publicKey?.length !== PUBLIC_KEY_BYTES) {
    return refused('unauthorized', `HELLO needs a public key of ${PUBLIC_KEY_BYTES} bytes`);
  }
  const own = peerIdOfKey(publicKey);
  if (peer !== undefined && peer !== own) {
    return refused('unauthorized', 'HELLO names another peer than the one of the public key');
  }
  const nonce = randomBytes(NONCE_BYTES);
  const signature = await prove(nonce);
  if (signature === null) return refused('timeout', 'the connection closed before PROOF');
  if (!(await isSigned(proofMessage(nonce, realm, own, node), publicKey, signature))) {
    return refused(
      'unauthorized',
      'the signature of PROOF does not fit the public key, the nonce, realm, peer and node',
    );
  }
  return { kind: 'member', peer: own, sticky: false, limits: {}, expiresAt: null, token: '', issuedAt: 0 };
}

async function isSigned(message: Uint8Array, publicKey: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    const x = Buffer.from(publicKey).toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return await verifySignature(null, message, key, signature);
  } catch {
    // Not every 32 bytes are a point on the curve.
    return false;
  }
}
