import { expand, extract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { UsageError } from '../errors.ts';
import { lengthPrefixed, utf8 } from './bytes.ts';
import type { Role } from './duplex.ts';

/** Binds all that is derived to this protocol and its version. */
export const PROTOCOL = 'causeway e2e 1';

const KEY_BYTES = 32;
const MAX_EXPORT_BYTES = 255 * KEY_BYTES;
const VERIFIER_DIGITS = 15;
const GROUP = /.{5}(?=.)/g;

/** What both ends have after a handshake. */
export interface Session {
  /** Encrypts what this role sends. The caller owns the bytes. */
  readonly keys: Readonly<Record<Role, Uint8Array>>;
  readonly verifier: string;
  exportKey(label: string, bytes: number): Uint8Array;
  /** Shows that this role has the key. */
  confirmation(role: Role): Uint8Array;
}

/**
 * HKDF with SHA-256 (RFC 5869): everything from the one secret of the handshake, each with a label of its own, so that
 * none says anything about another.
 * @param salt what is public and unique to this handshake
 */
export function deriveSession(secret: Uint8Array, salt: Uint8Array): Session {
  const root = extract(sha256, secret, salt);
  const derive = (label: string, bytes = KEY_BYTES): Uint8Array =>
    expand(sha256, root, utf8(`${PROTOCOL} ${label}`), bytes);
  const keys = { initiator: derive('initiator sends'), responder: derive('responder sends') };
  const exporter = derive('exporter');
  const confirmationKey = derive('confirmation');
  const verifier = digits(derive('verifier'));
  root.fill(0);
  return {
    keys,
    verifier,
    exportKey: (label, bytes) => exportKey(exporter, label, bytes),
    confirmation: (role) => hmac(sha256, confirmationKey, utf8(role)),
  };
}

/** The key after this one. Nobody who has only the next can compute the one before. */
export function nextKey(key: Uint8Array): Uint8Array {
  return expand(sha256, key, utf8(`${PROTOCOL} next key`), KEY_BYTES);
}

function exportKey(exporter: Uint8Array, label: string, bytes: number): Uint8Array {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > MAX_EXPORT_BYTES) {
    throw new UsageError('bad_option', `bytes is not a whole number from 1 to ${MAX_EXPORT_BYTES}`);
  }
  return expand(sha256, exporter, lengthPrefixed(utf8(`${PROTOCOL} export`), utf8(label)), bytes);
}

/** 256 bits modulo 10^15: about 50 bits, and no digit is likelier than another by more than one in 10^62. */
function digits(bytes: Uint8Array): string {
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const text = (value % 10n ** BigInt(VERIFIER_DIGITS)).toString().padStart(VERIFIER_DIGITS, '0');
  return text.replace(GROUP, '$& ');
}
