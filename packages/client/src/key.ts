import type { ClientKey } from './credentials.ts';

const ALGORITHM = 'Ed25519';

/** A key of the platform's Web Crypto. Keep `pair` to be the same peer again: `keyOf(pair)`. */
export interface WebKey extends ClientKey {
  readonly pair: CryptoKeyPair;
}

/**
 * A new key, and so a new peer. Node 20 and later, and browsers whose Web Crypto has Ed25519; others reject.
 * @param options `extractable`: the private part can be exported. By default it cannot: a browser can still store it, in
 * IndexedDB
 */
export async function generateKey({ extractable = false }: { extractable?: boolean } = {}): Promise<WebKey> {
  return keyOf((await crypto.subtle.generateKey(ALGORITHM, extractable, ['sign', 'verify'])) as CryptoKeyPair);
}

/** The key of a pair that was kept. */
export async function keyOf(pair: CryptoKeyPair): Promise<WebKey> {
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  return {
    pair,
    publicKey,
    // What is signed here is never in shared memory.
    sign: async (message) =>
      new Uint8Array(await crypto.subtle.sign(ALGORITHM, pair.privateKey, message as Uint8Array<ArrayBuffer>)),
  };
}
