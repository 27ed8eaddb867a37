import type { NodeId, RealmName } from '@causeway/protocol';
import type { PeerKey } from '../core/address.ts';
import { type Attempt, DOCUMENT_NAMES, type DocumentName, type Tally } from '../core/shared-ports.ts';

/** The keys of one peer. They share a slot. */
export interface PeerKeys {
  readonly loc: string;
  /** mbox, meta, count, bytes, index: in the order in which the scripts take them. */
  readonly mailbox: readonly [string, string, string, string, string];
  readonly watch: string;
  /** The peer's token bucket. */
  readonly bucket: string;
  /** The peer's reservation at a relay that is not ours. */
  readonly foreign: string;
}

export interface NodeKeys {
  readonly state: string;
  readonly inbox: string;
  readonly links: string;
  /** Envelopes for tunnels. */
  readonly tunnels: string;
}

/**
 * Every key of a store. What must be changed in one step shares a hash tag: Redis hashes what stands between the first
 * `{` of a key and the first `}` behind it. A peer id may hold braces: one `}` in it ends the tag early, but in the same
 * place for all keys of the peer. No two peers share a key, because no suffix holds a brace: the last `}` ends the id.
 */
export class Keys {
  readonly nodes: string;
  /** What each node tells of the present moment. */
  readonly top: string;
  /** What operators set: the present versions of the documents, and what they have changed. They share a slot. */
  readonly documents: string;
  readonly trail: string;
  /** A pub/sub channel; it has the others' tag, so that a script may tell of what it writes. */
  readonly notices: string;
  /** The token bucket of all realms together. */
  readonly clusterBucket: string;
  private readonly prefix: string;

  /** @param prefix without braces. Throws a RangeError otherwise: it would become the hash tag of every key. */
  constructor(prefix: string) {
    if (/[{}]/.test(prefix)) throw new RangeError(`the Redis key prefix "${prefix}" must not hold braces`);
    this.prefix = prefix;
    this.clusterBucket = `${prefix}{b:cluster}`;
    this.nodes = `${prefix}{nodes}`;
    this.top = `${prefix}{top}`;
    this.documents = `${prefix}{cfg}:documents`;
    this.trail = `${prefix}{cfg}:trail`;
    this.notices = `${prefix}{cfg}:notices`;
  }

  peer(key: PeerKey): PeerKeys {
    const tagged = `${this.prefix}{p:${key}}`;
    const mbox = `${tagged}:mbox`;
    return {
      loc: `${tagged}:loc`,
      mailbox: [mbox, `${mbox}:meta`, `${mbox}:count`, `${mbox}:bytes`, `${mbox}:index`],
      watch: `${tagged}:watch`,
      bucket: `${tagged}:bucket`,
      foreign: `${tagged}:foreign`,
    };
  }

  node(node: NodeId): NodeKeys {
    const tagged = `${this.prefix}{n:${node}}`;
    return {
      state: `${tagged}:state`,
      inbox: `${tagged}:inbox`,
      links: `${tagged}:links`,
      tunnels: `${tagged}:tunnels`,
    };
  }

  /** Those of the whole cluster, which have no end. */
  lasting(): string[] {
    const histories = DOCUMENT_NAMES.map((name) => this.history(name));
    return [this.nodes, this.documents, this.trail, ...histories];
  }

  /** Earlier versions of a document. */
  history(name: DocumentName): string {
    return `${this.prefix}{cfg}:history:${name}`;
  }

  /** A realm's token bucket. */
  realmBucket(realm: RealmName): string {
    return `${this.prefix}{b:r:${realm}}`;
  }

  stored(realm: RealmName): string {
    return `${this.prefix}{r:${realm}}:stored`;
  }

  /** A realm's usage in an hour, counted from 1970, and that of its peers. */
  usage(realm: RealmName, hour: number): { readonly hour: string; readonly peers: string } {
    const tagged = `${this.prefix}{u:${realm}}:${hour}`;
    return { hour: tagged, peers: `${tagged}:peers` };
  }

  /** Realms with usage in an hour. The hours share a slot. */
  usageRealms(hour: number): string {
    return `${this.prefix}{usage}:${hour}`;
  }

  tally(realm: RealmName, tally: Tally): string {
    return `${this.prefix}{r:${realm}}:tally:${tally}`;
  }

  /** Until when each peer's reservation is booked, for realms that may have so many only. */
  reservations(realm: RealmName): string {
    return `${this.prefix}{r:${realm}}:reservations`;
  }

  /** A realm's open rooms, and when each ends. */
  rooms(realm: RealmName): readonly [rooms: string, until: string] {
    const rooms = `${this.prefix}{r:${realm}}:rooms`;
    return [rooms, `${rooms}:until`];
  }

  /** In front of a subject, with a `:` between them. */
  attempts(attempt: Attempt): string {
    return `${this.prefix}attempts:${attempt}`;
  }
}
