import { randomBytes } from 'node:crypto';
import type { NodeId, PeerId, RealmName } from '@causeway/protocol';
import { expect } from 'vitest';
import { type PeerKey, peerKey } from '../../services/relay/src/core/address.ts';
import type {
  MailboxLimits,
  Registered,
  RegisterRequest,
  Store,
  StoredMessage,
  Writer,
} from '../../services/relay/src/core/ports.ts';

export const HOUR = 3_600_000;
export const LIMITS: MailboxLimits = { messages: 1000, bytes: 16 * 1024 * 1024, ttlMs: HOUR };
export const SECRET = 'a'.repeat(64);
export const OTHER_SECRET = 'b'.repeat(64);

/** One server serves a whole suite: every test has realms, peers and nodes of its own. */
function unique(): string {
  return randomBytes(6).toString('hex');
}

export function newRealm(): RealmName {
  return `r${unique()}` as RealmName;
}

export function newPeer(name = 'peer'): PeerKey {
  return peerKey(newRealm(), name as PeerId);
}

export function newNode(name = 'node'): NodeId {
  return `${name}-${unique()}` as NodeId;
}

export function newWriter(node = newNode()): () => Writer {
  let sequence = 0;
  return () => ({ node, sequence: ++sequence });
}

/** A message that counts as `bytes` in a mailbox; a single-letter sender leaves 9 bytes less for the payload. */
export function message(id: number | bigint, from = 'a', bytes = 20): StoredMessage {
  const payload = new Uint8Array(bytes - 8 - Buffer.byteLength(from)).fill(Number(id) % 256);
  return { id, from: from as PeerId, payload, again: false };
}

export function messages(count: number, from = 'a', bytes = 20): StoredMessage[] {
  return Array.from({ length: count }, (_, index) => message(index + 1, from, bytes));
}

/** The reply, which must be of this kind. */
export function of<R extends { kind: string }, K extends R['kind']>(kind: K, reply: R): Extract<R, { kind: K }> {
  expect(reply).toMatchObject({ kind });
  return reply as Extract<R, { kind: K }>;
}

export function request(key: PeerKey, changes: Partial<RegisterRequest> = {}): RegisterRequest {
  return {
    key,
    node: newNode(),
    connection: unique(),
    resumeHash: SECRET,
    attempt: null,
    sticky: false,
    ttlMs: HOUR,
    limits: {},
    mailboxTtlMs: HOUR,
    reclaims: 0,
    ...changes,
  };
}

export type Online = Registered & { readonly node: NodeId };

export async function register(store: Store, key: PeerKey, changes: Partial<RegisterRequest> = {}): Promise<Online> {
  const wanted = request(key, changes);
  return { ...of('registered', await store.directory.register(wanted)), node: wanted.node };
}

/** Ends a registration with nothing left to store. */
export async function leave(store: Store, key: PeerKey, online: Online) {
  const reply = await store.mailbox.append(key, online, newWriter(online.node)(), [], LIMITS, { seen: '' });
  const { handedOver } = of('stored', reply);
  if (!handedOver) throw new Error('the registration has not ended');
  return handedOver;
}

export async function readAll(store: Store, key: PeerKey, ttlMs = HOUR) {
  return of('entries', await store.mailbox.read(key, '', 10_000, Number.MAX_SAFE_INTEGER, ttlMs)).entries;
}

export async function storedIds(store: Store, key: PeerKey, ttlMs = HOUR): Promise<(number | bigint)[]> {
  return (await readAll(store, key, ttlMs)).map(({ id }) => id);
}
