import {
  type ChallengeFrame,
  type HelloAuth,
  type PeerId,
  PUBLIC_KEY_BYTES,
  peerIdOfKey,
  proofMessage,
  type RealmName,
} from '@causeway/protocol';
import { UsageError } from './errors.ts';

/** An Ed25519 key, which is its peer's id; wherever the private part may be. */
export interface ClientKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Ed25519 over the message (RFC 8032): 64 bytes. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

export type TokenSource = () => Promise<string>;

/** How this client shows who it is (PROTOCOL section 2). */
export type Credentials =
  | { readonly scheme: 'none' }
  | { readonly scheme: 'token'; readonly token: TokenSource }
  | { readonly scheme: 'key'; readonly key: ClientKey; readonly peer: PeerId };

/** @throws UsageError `bad_option` */
export function readCredentials(token: TokenSource | undefined, key: ClientKey | undefined): Credentials {
  if (token !== undefined && key !== undefined) {
    throw new UsageError('bad_option', 'token and key are both set: a realm takes one of them');
  }
  if (token !== undefined) {
    if (typeof token !== 'function') throw new UsageError('bad_option', 'token is not a function that gives a token');
    return { scheme: 'token', token };
  }
  if (key === undefined) return { scheme: 'none' };
  if (key.publicKey?.length !== PUBLIC_KEY_BYTES) {
    throw new UsageError('bad_option', `key.publicKey does not have ${PUBLIC_KEY_BYTES} bytes`);
  }
  return { scheme: 'key', key, peer: peerIdOfKey(key.publicKey) };
}

/** `auth` of a HELLO that needs nothing to be waited for. */
export function standingAuth(credentials: Exclude<Credentials, { scheme: 'token' }>): HelloAuth {
  if (credentials.scheme === 'none') return { scheme: 'none' };
  return { scheme: 'key', publicKey: credentials.key.publicKey };
}

/** `auth` with a token of this moment; rejects when there is none within `timeoutMs`. */
export async function freshAuth(source: TokenSource, timeoutMs: number): Promise<HelloAuth> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not come within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    const token: unknown = await Promise.race([source(), late]);
    if (typeof token !== 'string' || token === '') throw new TypeError('it is no text, or an empty one');
    return { scheme: 'token', token };
  } finally {
    clearTimeout(timer);
  }
}

/** The signature that answers a relay's CHALLENGE. It names the node, so that it is of no use at another. */
export function answerChallenge(
  { nonce, node }: ChallengeFrame,
  { key, peer }: Extract<Credentials, { scheme: 'key' }>,
  realm: RealmName,
): Promise<Uint8Array> {
  return key.sign(proofMessage(nonce, realm, peer, node));
}
