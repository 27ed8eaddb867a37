import { type PeerId, PUBLIC_KEY_BYTES, peerIdOfKey } from '@causeway/protocol';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { concatBytes } from '@noble/hashes/utils.js';
import type { ClientKey } from '../credentials.ts';
import { lengthPrefixed, randomBytes, utf8 } from './bytes.ts';
import type { Role } from './duplex.ts';
import { PROTOCOL } from './schedule.ts';

export const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
export const PROOF_BYTES = PUBLIC_KEY_BYTES + SIGNATURE_BYTES;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** A static key for X25519 (RFC 7748), 32 bytes each. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** A new static key. Make one for each run of a program, or keep it where others should know it again. */
export function generateIdentity(): KeyPair {
  const secretKey = randomBytes(KEY_BYTES);
  return { publicKey: x25519.getPublicKey(secretKey), secretKey };
}

/** What an end says of itself in a handshake, to be proved by a signature. */
export interface Claim {
  readonly role: Role;
  /** Its static key. */
  readonly identity: Uint8Array;
  /** Stands for the handshake so far, so that the signature is of no use in another. */
  readonly hash: Uint8Array;
}

/** The signer's public key and its signature over the claim: PROOF_BYTES. */
export async function signClaim(signer: ClientKey, claim: Claim): Promise<Uint8Array> {
  return concatBytes(signer.publicKey, await signer.sign(claimMessage(claim)));
}

/** The public key of who signed the claim, or null where the signature does not hold. */
export function signerOfClaim(proof: Uint8Array, claim: Claim): Uint8Array | null {
  const [signer, signature] = [proof.slice(0, PUBLIC_KEY_BYTES), proof.subarray(PUBLIC_KEY_BYTES)];
  return ed25519.verify(signature, claimMessage(claim), signer, { zip215: false }) ? signer : null;
}

function claimMessage({ role, identity, hash }: Claim): Uint8Array {
  return lengthPrefixed(utf8(`${PROTOCOL} identity`), utf8(role), identity, hash);
}

/** The Ed25519 key that a peer id of a realm with the policy `key` stands for, or null if it stands for none. */
export function keyOfPeerId(peer: string): Uint8Array | null {
  const key = new Uint8Array(PUBLIC_KEY_BYTES);
  let filled = 0;
  let group = 0;
  let bits = 0;
  for (const letter of peer) {
    group = ((group << 5) | BASE32.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    if (filled < key.length) key[filled++] = group >> bits;
  }
  // Letters that are none, a wrong length and bits left over all show here.
  return peerIdOfKey(key) === (peer as PeerId) ? key : null;
}
