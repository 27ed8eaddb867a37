import { MAX_WATCHED, type NodeId, type PeerId, PRESENCE_GRACE_MS } from '@causeway/protocol';
import { type PeerKey, peerOf } from './address.ts';
import type { Clock, Timers } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Counters } from './counters.ts';
import { encodePresence, type PresenceChange } from './node-frames.ts';
import type { NodeLinks } from './node-links.ts';
import type { Location, Presence, PresenceState } from './ports.ts';
import { Retry } from './retry.ts';

/** A node stays a watcher for this long without saying so again. */
const WATCH_TTL_MS = 10 * 60_000;
/** Watches are renewed at most this many at a time, however many there are. */
const MAX_AT_ONCE = 500;

interface Watched {
  readonly watchers: Set<Connection>;
  /** Null until the store has told. */
  state: { online: boolean; at: number; epoch: number } | null;
  /** Cancels the report of a departure that a return within the grace time makes void. */
  cancelOffline: (() => void) | null;
  renewAt: number;
}

export interface PresenceBoardDeps {
  readonly self: NodeId;
  readonly presence: Presence;
  readonly links: NodeLinks;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly isDead: (node: NodeId) => boolean;
  /** Ends the registration of a dead node; whoever watches the peer hears of it. */
  readonly endFor: (key: PeerKey, location: Location) => void;
}

/** Who on this node watches whom, and what they have been told. */
export class PresenceBoard {
  private readonly watched = new Map<PeerKey, Watched>();
  private readonly deps: PresenceBoardDeps;

  constructor(deps: PresenceBoardDeps) {
    this.deps = deps;
  }

  get size(): number {
    return this.watched.size;
  }

  watch(key: PeerKey, watcher: Connection): void {
    const known = this.watched.get(key);
    if (known !== undefined) {
      known.watchers.add(watcher);
      if (known.state !== null) this.tell(watcher, key, known.state);
      return;
    }
    const watched: Watched = { watchers: new Set([watcher]), state: null, cancelOffline: null, renewAt: 0 };
    this.watched.set(key, watched);
    this.ask(key, watched, new Retry());
  }

  unwatch(key: PeerKey, watcher: Connection): void {
    const watched = this.watched.get(key);
    if (watched === undefined || !watched.watchers.delete(watcher) || watched.watchers.size > 0) return;
    watched.cancelOffline?.();
    this.watched.delete(key);
    this.deps.presence.unwatch(key, this.deps.self);
  }

  /** A peer of this node came or went: tells the nodes that watch it. */
  changed(change: PresenceChange, nodes: readonly NodeId[]): void {
    this.deps.counters.presenceChanges += 1;
    for (const node of nodes) {
      if (node === this.deps.self) this.heard(change);
      else this.deps.links.to(node).control(encodePresence(change));
    }
  }

  /** News of a peer that is watched here. Epochs tell old news, since they come from more than one node. */
  heard(change: PresenceChange): void {
    const watched = this.watched.get(change.key);
    if (watched === undefined) return;
    if (watched.state !== null && change.epoch < watched.state.epoch) return;
    watched.cancelOffline?.();
    watched.cancelOffline = null;
    const { online, at, epoch } = change;
    if (online || watched.state === null || !watched.state.online)
      return this.become(change.key, watched, { online, at, epoch });
    watched.state.epoch = epoch;
    watched.cancelOffline = this.deps.timers.after(PRESENCE_GRACE_MS, () => {
      watched.cancelOffline = null;
      this.become(change.key, watched, { online, at, epoch });
    });
  }

  /** Every second: a watch that is not renewed ends. */
  renew(): void {
    const now = this.deps.clock.now();
    let left = MAX_AT_ONCE;
    for (const [key, watched] of this.watched) {
      if (watched.renewAt > now || watched.state === null) continue;
      if (left === 0) return;
      left -= 1;
      watched.renewAt = now + WATCH_TTL_MS / 2;
      this.deps.presence.watch(key, this.deps.self, WATCH_TTL_MS).then((reply) => {
        if (reply.kind === 'unavailable') watched.renewAt = 0;
        else this.renewed(key, reply);
      });
    }
  }

  /** News that was not told, because the store had lost the watch or its teller died, comes with the renewal. */
  private renewed(key: PeerKey, state: PresenceState): void {
    const { online, at, epoch } = state;
    const known = this.watched.get(key)?.state;
    if (known?.online !== online) this.heard({ key, online, at, epoch });
    this.endIfDead(key, state);
  }

  /** A node has died, or the store may have lost the watches: all are renewed soon, and tell of owners that are dead. */
  renewAll(): void {
    for (const watched of this.watched.values()) watched.renewAt = 0;
  }

  private endIfDead(key: PeerKey, { node, epoch }: PresenceState): void {
    if (node !== '' && this.deps.isDead(node)) this.deps.endFor(key, { node, epoch });
  }

  private ask(key: PeerKey, watched: Watched, retry: Retry): void {
    this.deps.presence.watch(key, this.deps.self, WATCH_TTL_MS).then((reply) => {
      if (this.watched.get(key) !== watched) return;
      if (reply.kind === 'unavailable') {
        this.deps.timers.after(retry.failed(this.deps.clock.now()), () => this.ask(key, watched, retry));
        return;
      }
      watched.renewAt = this.deps.clock.now() + WATCH_TTL_MS / 2;
      if (watched.state === null) this.become(key, watched, reply);
      this.endIfDead(key, reply);
    });
  }

  private become(key: PeerKey, watched: Watched, state: { online: boolean; at: number; epoch: number }): void {
    const before = watched.state;
    watched.state = { online: state.online, at: state.at, epoch: state.epoch };
    if (before !== null && before.online === state.online) return;
    for (const watcher of watched.watchers) this.tell(watcher, key, state);
  }

  private tell(watcher: Connection, key: PeerKey, { online, at }: { online: boolean; at: number }): void {
    watcher.send({ type: 'presence', peer: peerOf(key), online, at });
  }
}

/** The peers that one connection watches; at most 256. */
export class WatchList {
  private peers: Set<PeerId> | null = null;

  /** Those of `peers` that are new, or null when it would be too many. */
  add(peers: readonly PeerId[]): readonly PeerId[] | null {
    this.peers ??= new Set();
    const fresh = [...new Set(peers)].filter((peer) => !this.peers?.has(peer));
    if (this.peers.size + fresh.length > MAX_WATCHED) return null;
    for (const peer of fresh) this.peers.add(peer);
    return fresh;
  }

  remove(peer: PeerId): boolean {
    return this.peers?.delete(peer) ?? false;
  }

  [Symbol.iterator](): Iterator<PeerId> {
    return (this.peers ?? new Set<PeerId>())[Symbol.iterator]();
  }
}
