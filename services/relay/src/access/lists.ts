import type { PeerId, RealmName } from '@causeway/protocol';
import { peerKey } from '../core/address.ts';
import type { AccessDocument } from './access-schema.ts';
import { addressBits, parseRange, prefixOf } from './address-bits.ts';

export interface Visitor {
  /** Null: not known yet. */
  readonly realm: RealmName | null;
  readonly peer: PeerId | null;
  readonly address: string;
}

export interface TokenHolder {
  readonly realm: RealmName;
  readonly peer: PeerId;
  /** The token's `jti`; empty without one. */
  readonly token: string;
  /** Milliseconds since 1970; 0: unknown. */
  readonly issuedAt: number;
}

export interface Refusal {
  readonly reason: string;
  /** Milliseconds since 1970; null: for ever. */
  readonly until: number | null;
}

interface Entry extends Refusal {
  readonly at: number;
}

/** Entries by what they are about; those that have expired are not found. */
class Table<Key> {
  private readonly entries = new Map<Key, Entry[]>();
  add(key: Key, entry: Entry): void {
    const others = this.entries.get(key);
    if (others === undefined) this.entries.set(key, [entry]);
    else others.push(entry);
  }

  find(key: Key, now: number): Entry | null {
    return this.entries.get(key)?.find((entry) => endOf(entry) > now) ?? null;
  }

  /** One that was made at that time or later. */
  findSince(key: Key, at: number, now: number): Entry | null {
    return this.entries.get(key)?.find((entry) => entry.at >= at && endOf(entry) > now) ?? null;
  }

  get isEmpty(): boolean {
    return this.entries.size === 0;
  }
}

/**
 * Address ranges by the length of their prefix. One look-up for each length in use: net.BlockList compares with every
 * range, which for thousands of them and of connections stops the process for seconds.
 */
class RangeTable {
  private readonly byLength = new Map<number, Table<bigint>>();

  add(range: string, entry: Entry): void {
    const parsed = parseRange(range);
    // The schema has let in none but ranges.
    if (parsed === null) return;
    tableAt(this.byLength, parsed.length).add(parsed.prefix, entry);
  }

  find(address: string, now: number): Entry | null {
    if (this.byLength.size === 0) return null;
    const bits = addressBits(address);
    if (bits === null) return null;
    for (const [length, table] of this.byLength) {
      const found = table.find(prefixOf(bits, length), now);
      if (found !== null) return found;
    }
    return null;
  }

  get isEmpty(): boolean {
    return this.byLength.size === 0;
  }
}

/** Who alone may be in a realm. */
class AllowList {
  readonly peers = new Table<string>();
  readonly addresses = new RangeTable();
}

/**
 * The access document as the relay asks it. Entries end by themselves. An allow list whose entries have all ended lets
 * nobody in: a realm that was closed must not open by itself.
 */
export class AccessLists {
  /** There is no entry at all. */
  readonly isEmpty: boolean;
  private readonly bannedPeers = new Table<string>();
  private readonly bannedRealms = new Table<string>();
  private readonly bannedAddresses = new RangeTable();
  private readonly allowLists = new Map<string, AllowList>();
  private readonly revokedTokens = new Table<string>();
  private readonly revokedPeers = new Table<string>();
  private readonly revokedRealms = new Table<string>();

  /** Milliseconds since 1970 at which entries of allow lists end, in order: then somebody may have to go. */
  private readonly ends: readonly number[];

  constructor({ bans, allow, revocations }: AccessDocument) {
    this.ends = allow.flatMap(({ until }) => (until === null ? [] : [until])).sort((a, b) => a - b);
    this.isEmpty = bans.length + allow.length + revocations.length === 0;
    for (const ban of bans) {
      if (ban.kind === 'peer') this.bannedPeers.add(keyOf(ban), ban);
      else if (ban.kind === 'realm') this.bannedRealms.add(ban.realm, ban);
      else this.bannedAddresses.add(ban.range, ban);
    }
    for (const entry of allow) {
      const list = this.allowLists.get(entry.realm) ?? new AllowList();
      this.allowLists.set(entry.realm, list);
      if (entry.kind === 'peer') list.peers.add(entry.peer, entry);
      else list.addresses.add(entry.range, entry);
    }
    for (const entry of revocations) {
      if (entry.kind === 'token') this.revokedTokens.add(tokenKey(entry.realm, entry.token), entry);
      else if (entry.kind === 'peer') this.revokedPeers.add(keyOf(entry), entry);
      else this.revokedRealms.add(entry.realm, entry);
    }
  }

  /** When an entry ends that lets somebody in, milliseconds since 1970; null: none does. */
  nextEnd(now: number): number | null {
    return this.ends.find((end) => end > now) ?? null;
  }

  /** Why the visitor may not come in or stay, as far as it is known who it is; null: it may. */
  refusal(visitor: Visitor, now: number): Refusal | null {
    if (this.isEmpty) return null;
    const { realm, peer, address } = visitor;
    const ban =
      this.bannedAddresses.find(address, now) ??
      (realm && this.bannedRealms.find(realm, now)) ??
      (realm && peer && this.bannedPeers.find(peerKey(realm, peer), now));
    if (ban) return { reason: ban.reason === '' ? 'banned' : ban.reason, until: ban.until };
    return realm === null ? null : this.missing(realm, peer, address, now);
  }

  /** Why the token is void; null: it is not. A peer's and a realm's revocation void what was issued until then. */
  isRevoked({ realm, peer, token, issuedAt }: TokenHolder, now: number): string | null {
    if (this.isEmpty) return null;
    const found =
      this.revokedTokens.find(tokenKey(realm, token), now) ??
      this.revokedTokens.find(tokenKey(undefined, token), now) ??
      this.revokedPeers.findSince(peerKey(realm, peer), issuedAt, now) ??
      this.revokedRealms.findSince(realm, issuedAt, now);
    return found && (found.reason === '' ? 'revoked' : found.reason);
  }

  /** Whether the realm is for others alone. */
  private missing(realm: RealmName, peer: PeerId | null, address: string, now: number): Refusal | null {
    const list = this.allowLists.get(realm);
    if (list === undefined) return null;
    const { peers, addresses } = list;
    if (!addresses.isEmpty && addresses.find(address, now) === null) {
      return { reason: 'this address is not on the allow list of the realm', until: null };
    }
    if (peer !== null && !peers.isEmpty && peers.find(peer, now) === null) {
      return { reason: 'this peer is not on the allow list of the realm', until: null };
    }
    return null;
  }
}

export const NO_LISTS = new AccessLists({ bans: [], allow: [], revocations: [] });

function endOf({ until }: Refusal): number {
  return until ?? Number.POSITIVE_INFINITY;
}

function keyOf({ realm, peer }: { readonly realm: string; readonly peer: string }): string {
  return peerKey(realm as RealmName, peer as PeerId);
}

/** A realm has no slash, and none is the token of all. */
function tokenKey(realm: string | undefined, token: string): string {
  return `${realm ?? ''}/${token}`;
}

function tableAt(tables: Map<number, Table<bigint>>, length: number): Table<bigint> {
  const table = tables.get(length) ?? new Table<bigint>();
  tables.set(length, table);
  return table;
}
