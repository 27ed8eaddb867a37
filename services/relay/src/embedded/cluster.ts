import type { NodeId, RealmName } from '@causeway/protocol';
import type { PeerKey } from '../core/address.ts';
import type { NodeRecord } from '../core/ports.ts';
import type { AuditEntry, DocumentName, DocumentVersion, Notice } from '../core/shared-ports.ts';
import type { Room } from '../core/tunnel-ports.ts';
import type { BucketState } from './bucket-state.ts';
import { createMailbox } from './mailbox-state.ts';
import type { NodeLog } from './node-log.ts';
import { isForgotten, type PeerState, settlePeer } from './peer.ts';
import type { UsageHour } from './usage-hour.ts';

const SWEEP_EVERY_MS = 1000;
/** Each sweep looks at so many peers, so that it does not stop the process for long, or at this share of all. */
const SWEEP_PEERS = 2000;
const SWEEP_SHARE = 1 / 60;

/** Stored messages and bytes of a realm in one time slice. */
export interface Slice {
  messages: number;
  bytes: number;
}

export interface RealmAccount {
  readonly slices: Map<number, Slice>;
  keepUntil: number;
}

/** What a node holds of a tally. */
export interface Share {
  readonly count: number;
  readonly until: number;
}

/** What the nodes of one process share. */
export interface EmbeddedCluster {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly peers: Map<PeerKey, PeerState>;
  readonly logs: Map<NodeId, NodeLog>;
  /** Wakes who reads what waits for a node's tunnels. */
  readonly tunnelReaders: Map<NodeId, () => void>;
  readonly realms: Map<RealmName, RealmAccount>;
  readonly nodes: Map<NodeId, NodeRecord>;
  /** What each node holds, by realm and tally. */
  readonly tallies: Map<string, Map<NodeId, Share>>;
  /** Until when each peer's reservation is booked. */
  readonly bookings: Map<RealmName, Map<PeerKey, number>>;
  /** Open rooms by their code. */
  readonly rooms: Map<RealmName, Map<string, Room>>;
  readonly buckets: Map<string, BucketState>;
  readonly usage: Map<string, UsageHour>;
  readonly snapshots: Map<NodeId, { readonly text: string; readonly until: number }>;
  /** Versions of each document, newest first. */
  readonly documents: Map<DocumentName, readonly DocumentVersion[]>;
  /** What operators have changed, oldest first. */
  readonly trail: AuditEntry[];
  /** Those that are told of each notice. */
  readonly listeners: Set<(notice: Notice) => void>;
  /** Forgets what has expired, a bounded number of peers at a time; call it again and again. */
  sweep(): void;
  /** Sweeps on a timer, which does not keep the process alive, until as many calls of `release` were made. */
  hold(): void;
  release(): void;
}

/** @param now clock in milliseconds since 1970; tests move it */
export function createEmbeddedCluster(now: () => number = Date.now): EmbeddedCluster {
  const peers = new Map<PeerKey, PeerState>();
  const logs = new Map<NodeId, NodeLog>();
  const realms = new Map<RealmName, RealmAccount>();
  const buckets = new Map<string, BucketState>();
  const usage = new Map<string, UsageHour>();
  const tallies: EmbeddedCluster['tallies'] = new Map();
  const bookings: EmbeddedCluster['bookings'] = new Map();
  const rooms: EmbeddedCluster['rooms'] = new Map();
  let round = peers.entries();
  let holders = 0;
  let timer: NodeJS.Timeout | undefined;

  function sweep(): void {
    const at = now();
    const count = Math.max(SWEEP_PEERS, peers.size * SWEEP_SHARE);
    for (let seen = 0; seen < count; seen++) {
      const next = round.next();
      if (next.done) {
        round = peers.entries();
        break;
      }
      const [key, peer] = next.value;
      settlePeer(peer, at);
      if (isForgotten(peer)) peers.delete(key);
    }
    for (const [node, log] of logs) if (log.forgetAt <= at) logs.delete(node);
    for (const [realm, account] of realms) if (account.keepUntil <= at) realms.delete(realm);
    for (const [name, { forgetAt }] of buckets) if (forgetAt <= at) buckets.delete(name);
    for (const [name, { keepUntil }] of usage) if (keepUntil <= at) usage.delete(name);
    for (const [name, shares] of tallies) {
      for (const [node, { until }] of shares) if (until <= at) shares.delete(node);
      if (shares.size === 0) tallies.delete(name);
    }
    for (const [realm, booked] of bookings) {
      for (const [peer, until] of booked) if (until <= at) booked.delete(peer);
      if (booked.size === 0) bookings.delete(realm);
    }
    for (const [realm, open] of rooms) {
      for (const [code, { expiresAt }] of open) if (expiresAt <= at) open.delete(code);
      if (open.size === 0) rooms.delete(realm);
    }
  }

  return {
    now,
    peers,
    logs,
    tunnelReaders: new Map(),
    realms,
    nodes: new Map(),
    tallies,
    bookings,
    rooms,
    buckets,
    usage,
    snapshots: new Map(),
    documents: new Map(),
    trail: [],
    listeners: new Set(),
    sweep,
    hold() {
      holders += 1;
      timer ??= setInterval(sweep, SWEEP_EVERY_MS).unref();
    },
    release() {
      holders -= 1;
      if (holders > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };
}

/** Not within the call, as little as through a server. */
export function tell({ listeners }: EmbeddedCluster, notice: Notice): void {
  for (const listener of listeners) queueMicrotask(() => listener(notice));
}

/** The peer's state as it is now; created when it is not known. */
export function peerAt(cluster: EmbeddedCluster, key: PeerKey): PeerState {
  let peer = cluster.peers.get(key);
  if (!peer) {
    peer = { location: null, mailbox: createMailbox(), watchers: new Map(), foreign: null };
    cluster.peers.set(key, peer);
  }
  settlePeer(peer, cluster.now());
  return peer;
}
