/** Ports for what operators set and what the cluster counts together (see ports.ts for the rest). */
import type { NodeId, RealmName } from '@causeway/protocol';
import type { PeerKey } from './address.ts';
import type { Question, QuestionReply } from './inspection-ports.ts';
import type { Unavailable } from './node-ports.ts';

/** Documents that operators change while the cluster runs. `history`: earlier versions that are kept. */
export const DOCUMENTS = { policy: { history: 100 }, access: { history: 0 } } as const;
export type DocumentName = keyof typeof DOCUMENTS;
export const DOCUMENT_NAMES = Object.keys(DOCUMENTS) as DocumentName[];

export interface DocumentVersion {
  /** Counts from 1. */
  readonly version: number;
  readonly text: string;
  /** Who wrote it, and why; as they said. */
  readonly by: string;
  readonly note: string;
  /** Milliseconds since 1970, by the store's clock. */
  readonly at: number;
}

export interface Documents {
  read(name: DocumentName): Promise<{ kind: 'document'; document: DocumentVersion | null } | Unavailable>;
  /**
   * Compare-and-set: writes version `expected` + 1, if `expected` (0: none) is the one there is; tells all nodes. A
   * repeated call after an unknown outcome may answer `conflict` with its own version.
   */
  write(
    name: DocumentName,
    expected: number,
    change: Pick<DocumentVersion, 'text' | 'by' | 'note'>,
  ): Promise<{ kind: 'written'; document: DocumentVersion } | { kind: 'conflict'; version: number } | Unavailable>;
  /** Newest first, the present one included. A version may be large: whoever needs few asks for few. */
  history(
    name: DocumentName,
    skip: number,
    count: number,
  ): Promise<{ kind: 'history'; versions: readonly DocumentVersion[] } | Unavailable>;
  /** The present version of each; 0 for none. One command. */
  versions(): Promise<{ kind: 'versions'; versions: Readonly<Record<DocumentName, number>> } | Unavailable>;
}

/** What one node tells all others at once, at most once; nothing may depend on its arrival alone. */
export type Notice =
  | { readonly kind: 'changed'; readonly name: DocumentName; readonly version: number }
  /** Whoever has the peer sends it away. */
  | { readonly kind: 'disconnect'; readonly key: PeerKey; readonly reason: string }
  /** The node named is to do as if it had been asked itself. */
  | { readonly kind: 'drain'; readonly node: NodeId }
  | { readonly kind: 'rebalance'; readonly node: NodeId; readonly limit: number | null }
  /** Answered by `told` under the same id. */
  | { readonly kind: 'ask'; readonly node: NodeId; readonly id: string; readonly question: Question }
  | { readonly kind: 'told'; readonly id: string; readonly reply: QuestionReply };

export interface Notices {
  publish(notice: Notice): Promise<{ kind: 'published' } | Unavailable>;
  /** Also told what this node publishes itself. */
  onNotice(listener: (notice: Notice) => void): void;
}

export interface AuditEntry {
  /** Milliseconds since 1970, by the store's clock. */
  readonly at: number;
  readonly node: NodeId;
  /** The role of the token that did it, and the end of the token's digest. */
  readonly by: string;
  /** What was done: `policy.set`, `ban.add`, ... */
  readonly action: string;
  /** On what, as JSON. */
  readonly details: string;
}

/** What operators have changed: a stream that keeps about the last 10,000 entries. */
export interface AuditTrail {
  append(entry: Omit<AuditEntry, 'at'>): Promise<{ kind: 'appended' } | Unavailable>;
  /** Newest first, at most `count`. */
  read(count: number): Promise<{ kind: 'entries'; entries: readonly AuditEntry[] } | Unavailable>;
}

/** What peers of a realm hold together over all nodes and may be capped. */
export type Tally = 'connections' | 'watched';

/** Exact counts over all nodes, for realms that have a cap. A node that dies leaves the count when its report ends. */
export interface Tallies {
  /** Adds `amount` to what the node holds, if all nodes together then hold at most `cap`. */
  claim(
    realm: RealmName,
    tally: Tally,
    node: NodeId,
    amount: number,
    cap: number,
    ttlMs: number,
  ): Promise<{ kind: 'claimed' } | { kind: 'full'; held: number } | Unavailable>;
  /** Says what the node holds in all, for `ttlMs`; replaces what it had claimed. Answers what all nodes hold. */
  report(
    realm: RealmName,
    tally: Tally,
    node: NodeId,
    amount: number,
    ttlMs: number,
  ): Promise<{ kind: 'reported'; held: number } | Unavailable>;
  /**
   * Books a peer's reservation until `ttlMs` from now, if the realm then has at most `cap`; one that is booked is
   * extended.
   */
  reserve(
    realm: RealmName,
    key: PeerKey,
    ttlMs: number,
    cap: number,
  ): Promise<{ kind: 'reserved' } | { kind: 'full'; held: number } | Unavailable>;
}

/** What can be tried too often. */
export const ATTEMPTS = ['connect', 'failed_auth', 'hello', 'room', 'join', 'join_room', 'join_all'] as const;
export type Attempt = (typeof ATTEMPTS)[number];

/** Counts attempts over all nodes; without the store each node counts its own. Never fails. */
export interface Attempts {
  /** Milliseconds to wait; 0: go on. Counts the attempt. */
  take(attempt: Attempt, subject: string): Promise<number>;
  /** Milliseconds for which the subject is blocked; 0: it is not. Counts nothing. */
  blockedFor(attempt: Attempt, subject: string): Promise<number>;
}

/** How many, in how long, and how long to wait when there were more; 0 points: unlimited. */
export interface AttemptLimit {
  readonly points: number;
  readonly seconds: number;
  readonly blockSeconds: number;
}
export type AttemptLimits = Readonly<Record<Attempt, AttemptLimit>>;

/** What is billed; sums of whole numbers. Byte-seconds, since byte-milliseconds of an hour would not stay exact. */
export const USAGE_FIELDS = [
  'messagesIn',
  'bytesIn',
  'messagesOut',
  'bytesOut',
  'storedByteSeconds',
  'connectionMs',
  'tunnelBytes',
] as const;
export type UsageField = (typeof USAGE_FIELDS)[number];
export type Usage = Readonly<Record<UsageField, number>>;

export interface UsageRecord {
  readonly realm: RealmName;
  /** Hours since 1970. */
  readonly hour: number;
  /** Null: of the whole realm. */
  readonly peer: string | null;
  readonly usage: Usage;
}

/** The usage of all nodes by realm and hour. */
export interface UsageBooks {
  /**
   * Adds to a realm's hour, once for each `sequence` of a node: they grow, and a repeated one changes nothing.
   * @param peers of those whose usage is kept one by one; what they add up to is in `usage` already
   */
  add(
    realm: RealmName,
    hour: number,
    writer: { readonly node: NodeId; readonly sequence: number },
    usage: Usage,
    peers: ReadonlyMap<string, Usage>,
    keepMs: number,
  ): Promise<{ kind: 'added' } | Unavailable>;
  /** Realms with usage in hours from `from` up to and without `to`. */
  realms(from: number, to: number): Promise<{ kind: 'realms'; realms: readonly RealmName[] } | Unavailable>;
  read(
    realm: RealmName,
    hour: number,
    byPeer: boolean,
  ): Promise<{ kind: 'usage'; records: readonly UsageRecord[] } | Unavailable>;
}
