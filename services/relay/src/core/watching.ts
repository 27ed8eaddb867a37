import type { PeerId, RealmName } from '@causeway/protocol';
import { peerKey } from './address.ts';
import type { Connection } from './connection.ts';
import { type PresenceBoard, WatchList } from './presence-board.ts';
import type { Quotas } from './quotas.ts';

/** When peers that were not watched for the realm's cap may be tried again, in milliseconds. */
const FULL_RETRY_MS = 5000;

/** The peers that one connection watches. */
export class Watching {
  private readonly realm: RealmName;
  private readonly connection: Connection;
  private readonly presence: PresenceBoard;
  private readonly quotas: Quotas;
  private readonly peers = new WatchList();
  /** Those of `peers` for which there may be no room. */
  private readonly asked = new Set<PeerId>();

  constructor(realm: RealmName, connection: Connection, presence: PresenceBoard, quotas: Quotas) {
    this.realm = realm;
    this.connection = connection;
    this.presence = presence;
    this.quotas = quotas;
  }

  /** False: more than one connection may watch. Peers for which the realm has no room are not watched. */
  add(peers: readonly PeerId[]): boolean {
    const fresh = this.peers.add(peers);
    if (fresh === null) return false;
    const room = this.quotas.watch(this.realm, fresh.length);
    if (room === true) this.begin(fresh);
    else {
      for (const peer of fresh) this.asked.add(peer);
      void room.then((granted) => this.answered(fresh, granted));
    }
    return true;
  }

  remove(peer: PeerId): void {
    if (!this.peers.remove(peer) || this.asked.delete(peer)) return;
    this.presence.unwatch(peerKey(this.realm, peer), this.connection);
    this.quotas.unwatch(this.realm, 1);
  }

  close(): void {
    for (const peer of [...this.peers]) this.remove(peer);
  }

  private begin(peers: readonly PeerId[]): void {
    for (const peer of peers) this.presence.watch(peerKey(this.realm, peer), this.connection);
  }

  /** Those that were removed meanwhile, or asked for again and answered before, give their places back. */
  private answered(peers: readonly PeerId[], granted: boolean): void {
    const wanted = peers.filter((peer) => this.asked.delete(peer));
    if (granted) {
      this.quotas.unwatch(this.realm, peers.length - wanted.length);
      this.begin(wanted);
    } else if (wanted.length > 0) {
      for (const peer of wanted) this.peers.remove(peer);
      this.connection.send({ type: 'throttle', scope: 'realm', retryAfterMs: FULL_RETRY_MS });
    }
  }
}
