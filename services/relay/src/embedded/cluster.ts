import type { NodeId, RealmName } from '@causeway/protocol';
import type { PeerKey } from '../core/address.ts';
import type { NodeRecord } from '../core/ports.ts';
import { createMailbox } from './mailbox-state.ts';
import type { NodeLog } from './node-log.ts';
import { isForgotten, type PeerState, settlePeer } from './peer.ts';

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

/** What the nodes of one process share. */
export interface EmbeddedCluster {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly peers: Map<PeerKey, PeerState>;
  readonly logs: Map<NodeId, NodeLog>;
  readonly realms: Map<RealmName, RealmAccount>;
  readonly nodes: Map<NodeId, NodeRecord>;
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
  }

  return {
    now,
    peers,
    logs,
    realms,
    nodes: new Map(),
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

/** The peer's state as it is now; created when it is not known. */
export function peerAt(cluster: EmbeddedCluster, key: PeerKey): PeerState {
  let peer = cluster.peers.get(key);
  if (!peer) {
    peer = { location: null, mailbox: createMailbox(), watchers: new Map() };
    cluster.peers.set(key, peer);
  }
  settlePeer(peer, cluster.now());
  return peer;
}
