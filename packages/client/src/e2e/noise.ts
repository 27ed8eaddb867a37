import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { utf8 } from './bytes.ts';
import type { Role } from './duplex.ts';
import { generateIdentity, KEY_BYTES, type KeyPair } from './identity.ts';

/**
 * The Noise Protocol Framework, revision 34: the patterns XX and IK with 25519, ChaChaPoly and SHA256. The names are those
 * of its specification.
 */

export type Pattern = 'XX' | 'IK';
type Token = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss';

const MESSAGES: Readonly<Record<Pattern, readonly (readonly Token[])[]>> = {
  XX: [['e'], ['e', 'ee', 's', 'es'], ['s', 'se']],
  IK: [
    ['e', 'es', 's', 'ss'],
    ['e', 'ee', 'se'],
  ],
};
/** Bytes of each message without its payload. */
export const OVERHEAD: Readonly<Record<Pattern, readonly number[]>> = { XX: [32, 96, 64], IK: [96, 48] };

const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const COUNTER_OFFSET = 4;
const EMPTY = new Uint8Array(0);

class SymmetricState {
  #chainingKey: Uint8Array;
  #key: Uint8Array | null = null;
  #nonce = 0;
  hash: Uint8Array;

  constructor(protocolName: string) {
    const name = utf8(protocolName);
    this.hash = name.length <= KEY_BYTES ? concatBytes(name, new Uint8Array(KEY_BYTES - name.length)) : sha256(name);
    this.#chainingKey = this.hash;
  }

  get hasKey(): boolean {
    return this.#key !== null;
  }

  mixKey(material: Uint8Array): void {
    [this.#chainingKey, this.#key] = this.#expand(material);
    this.#nonce = 0;
  }

  mixHash(data: Uint8Array): void {
    this.hash = sha256(concatBytes(this.hash, data));
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#cipher()?.encrypt(plaintext) ?? plaintext;
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** @throws Error where the ciphertext is not authentic */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array {
    const plaintext = this.#cipher()?.decrypt(ciphertext) ?? ciphertext;
    this.mixHash(ciphertext);
    return plaintext;
  }

  split(): [Uint8Array, Uint8Array] {
    return this.#expand(EMPTY);
  }

  #expand(material: Uint8Array): [Uint8Array, Uint8Array] {
    const output = hkdf(sha256, material, this.#chainingKey, EMPTY, 2 * KEY_BYTES);
    return [output.slice(0, KEY_BYTES), output.slice(KEY_BYTES)];
  }

  #cipher(): ReturnType<typeof chacha20poly1305> | null {
    if (this.#key === null) return null;
    const nonce = new Uint8Array(NONCE_BYTES);
    new DataView(nonce.buffer).setUint32(COUNTER_OFFSET, this.#nonce++, true);
    return chacha20poly1305(this.#key, nonce, this.hash);
  }
}

export interface HandshakeOptions {
  readonly pattern: Pattern;
  readonly role: Role;
  readonly prologue: Uint8Array;
  readonly identity: KeyPair;
  /** The static key of the responder: what an initiator of IK has to know. */
  readonly remote?: Uint8Array | undefined;
  /** For vectors only: a fresh one is made otherwise. */
  readonly ephemeral?: KeyPair;
}

/** One end of a handshake. The messages go to and fro, the first from the initiator; each is written or read once. */
export class NoiseHandshake {
  readonly #state: SymmetricState;
  readonly #messages: (readonly Token[])[];
  readonly #initiator: boolean;
  readonly #identity: KeyPair;
  readonly #ephemeral: KeyPair;
  #remote: Uint8Array | null;
  #remoteEphemeral: Uint8Array = EMPTY;

  constructor({ pattern, role, prologue, identity, remote, ephemeral = generateIdentity() }: HandshakeOptions) {
    this.#state = new SymmetricState(`Noise_${pattern}_25519_ChaChaPoly_SHA256`);
    this.#messages = [...MESSAGES[pattern]];
    this.#initiator = role === 'initiator';
    this.#identity = identity;
    this.#ephemeral = ephemeral;
    this.#remote = remote ?? null;
    this.#state.mixHash(prologue);
    if (pattern === 'IK') this.#state.mixHash(this.#initiator ? this.remote : identity.publicKey);
  }

  /** The other end's static key, as soon as it is known. */
  get remote(): Uint8Array {
    if (this.#remote === null) throw new TypeError('the static key of the other end is not known yet');
    return this.#remote;
  }

  /** Stands for all that went to and fro so far. */
  get hash(): Uint8Array {
    return this.#state.hash;
  }

  writeMessage(payload: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    for (const token of this.#next()) {
      if (token === 'e') {
        parts.push(this.#ephemeral.publicKey);
        this.#state.mixHash(this.#ephemeral.publicKey);
      } else if (token === 's') {
        parts.push(this.#state.encryptAndHash(this.#identity.publicKey));
      } else {
        this.#mixDh(token);
      }
    }
    return concatBytes(...parts, this.#state.encryptAndHash(payload));
  }

  /**
   * The payload.
   * @throws Error where the message is not authentic; then the handshake is over
   */
  readMessage(message: Uint8Array): Uint8Array {
    let rest = message;
    const take = (count: number): Uint8Array => {
      const taken = rest.slice(0, count);
      rest = rest.subarray(count);
      return taken;
    };
    for (const token of this.#next()) {
      if (token === 'e') {
        this.#remoteEphemeral = take(KEY_BYTES);
        this.#state.mixHash(this.#remoteEphemeral);
      } else if (token === 's') {
        this.#remote = this.#state.decryptAndHash(take(KEY_BYTES + (this.#state.hasKey ? TAG_BYTES : 0)));
      } else {
        this.#mixDh(token);
      }
    }
    return this.#state.decryptAndHash(rest);
  }

  /** The keys of what the initiator and the responder send. The handshake must be complete. */
  split(): [Uint8Array, Uint8Array] {
    if (this.#messages.length > 0) throw new TypeError('the handshake is not complete');
    return this.#state.split();
  }

  #next(): readonly Token[] {
    const tokens = this.#messages.shift();
    if (tokens === undefined) throw new TypeError('the handshake has no more messages');
    return tokens;
  }

  /** The first letter says which key of the initiator takes part, the second which of the responder. */
  #mixDh(token: 'ee' | 'es' | 'se' | 'ss'): void {
    const [own, other] = this.#initiator ? [token[0], token[1]] : [token[1], token[0]];
    const secret = (own === 'e' ? this.#ephemeral : this.#identity).secretKey;
    const publicKey = other === 'e' ? this.#remoteEphemeral : this.remote;
    this.#state.mixKey(x25519.getSharedSecret(secret, publicKey));
  }
}
