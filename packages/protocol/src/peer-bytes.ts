import { asPeerId, type PeerId } from './ids.ts';
import { MAX_PEER_ID_BYTES } from './limits.ts';
import { decodeUtf8 } from './utf8.ts';

/** A power of two. At most 128 characters each, so the table holds less than 1 MiB. */
const SLOTS = 4096;
/** Bytes at the end of an id that choose its slot: ids mostly differ there, and a long one costs no more. */
const HASHED_BYTES = 16;

/**
 * The ASCII ids read last, each at the slot of its hash. A connection names few recipients, again and again: with a
 * hit nothing is allocated or validated, and a Map finds the same string faster. A collision costs only a miss.
 */
const recent: (PeerId | undefined)[] = new Array(SLOTS).fill(undefined);

/** Reads packet[from, to) as a peer id. Null if it is none. */
export function decodePeerId(packet: Uint8Array, from: number, to: number): PeerId | null {
  if (to - from > MAX_PEER_ID_BYTES) return null;
  const slot = slotOf(packet, from, to);
  const known = recent[slot];
  if (known !== undefined && isSame(known, packet, from, to)) return known;
  const text = decodeUtf8(packet, from, to);
  const peer = text === null ? null : asPeerId(text);
  // As many bytes as characters: ASCII, for which isSame() is exact.
  if (peer !== null && peer.length === to - from) recent[slot] = peer;
  return peer;
}

function slotOf(packet: Uint8Array, from: number, to: number): number {
  let hash = to - from;
  for (let i = Math.max(from, to - HASHED_BYTES); i < to; i++)
    hash = Math.imul(hash ^ (packet[i] as number), 0x01000193);
  return (hash ^ (hash >>> 16)) & (SLOTS - 1);
}

function isSame(ascii: string, packet: Uint8Array, from: number, to: number): boolean {
  if (ascii.length !== to - from) return false;
  for (let i = 0; i < ascii.length; i++) {
    if (ascii.charCodeAt(i) !== packet[from + i]) return false;
  }
  return true;
}
