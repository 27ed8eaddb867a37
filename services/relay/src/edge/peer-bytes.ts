import { encodeUtf8, type PeerId } from '@causeway/protocol';

/** Names for each of the two generations; with names of 128 bytes about 2 MB in all. */
const GENERATION_NAMES = 4096;

let current = new Map<PeerId, Uint8Array>();
let previous = new Map<PeerId, Uint8Array>();

/**
 * A peer id in UTF-8, not to be changed. Remembered, since a lookup costs a small part of an encoding and the senders
 * of the last moment are those of the next; two generations bound the memory.
 */
export function peerIdBytes(peer: PeerId): Uint8Array {
  const known = current.get(peer);
  if (known !== undefined) return known;
  const bytes = previous.get(peer) ?? encodeUtf8(peer);
  if (current.size >= GENERATION_NAMES) {
    previous = current;
    current = new Map();
  }
  current.set(peer, bytes);
  return bytes;
}
