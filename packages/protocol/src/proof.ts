import type { NodeId, PeerId, RealmName } from './ids.ts';
import { PUBLIC_KEY_BYTES } from './limits.ts';
import { encodeUtf8 } from './utf8.ts';

const CONTEXT = encodeUtf8('causeway/1 hello\0');
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const MAX_U8 = 255;

/**
 * What PROOF signs: the context, the nonce of CHALLENGE, then realm, peer and node, each behind its length as u8. It
 * binds the answer to one node, so that a relay cannot pass it on to another.
 * @throws RangeError for a name of more than 255 bytes.
 */
export function proofMessage(nonce: Uint8Array, realm: RealmName, peer: PeerId, node: NodeId): Uint8Array {
  const names = [realm, peer, node].map(encodeUtf8);
  const message: number[] = [...CONTEXT, ...nonce];
  for (const name of names) {
    if (name.length > MAX_U8) throw new RangeError(`a name of ${name.length} bytes does not fit a proof`);
    message.push(name.length, ...name);
  }
  return Uint8Array.from(message);
}

/**
 * The peer id of an Ed25519 public key: unpadded lower-case base32 (RFC 4648, section 6), 52 characters.
 * @throws RangeError unless the key has 32 bytes.
 */
export function peerIdOfKey(publicKey: Uint8Array): PeerId {
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new RangeError(`a public key has ${PUBLIC_KEY_BYTES} bytes`);
  let text = '';
  let group = 0;
  let bits = 0;
  for (const byte of publicKey) {
    group = (group << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[group >> bits];
      group &= (1 << bits) - 1;
    }
  }
  return (text + BASE32[group << (5 - bits)]) as PeerId;
}
