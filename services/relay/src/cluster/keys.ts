import type { NodeId, RealmName } from '@causeway/protocol';
import type { PeerKey } from '../core/address.ts';

/** The keys of one peer. They share a slot. */
export interface PeerKeys {
  readonly loc: string;
  /** mbox, meta, count, bytes, index: in the order in which the scripts take them. */
  readonly mailbox: readonly [string, string, string, string, string];
  readonly watch: string;
}

export interface NodeKeys {
  readonly state: string;
  readonly inbox: string;
  readonly links: string;
}

/**
 * Every key of a store. What must be changed in one step shares a hash tag: Redis hashes what stands between the first
 * `{` of a key and the first `}` behind it. A peer id may hold braces: one `}` in it ends the tag early, but in the same
 * place for all keys of the peer. No two peers share a key, because no suffix holds a brace: the last `}` ends the id.
 */
export class Keys {
  readonly nodes: string;
  private readonly prefix: string;

  /** @param prefix without braces. Throws a RangeError otherwise: it would become the hash tag of every key. */
  constructor(prefix: string) {
    if (/[{}]/.test(prefix)) throw new RangeError(`the Redis key prefix "${prefix}" must not hold braces`);
    this.prefix = prefix;
    this.nodes = `${prefix}{nodes}`;
  }

  peer(key: PeerKey): PeerKeys {
    const tagged = `${this.prefix}{p:${key}}`;
    const mbox = `${tagged}:mbox`;
    return {
      loc: `${tagged}:loc`,
      mailbox: [mbox, `${mbox}:meta`, `${mbox}:count`, `${mbox}:bytes`, `${mbox}:index`],
      watch: `${tagged}:watch`,
    };
  }

  node(node: NodeId): NodeKeys {
    const tagged = `${this.prefix}{n:${node}}`;
    return { state: `${tagged}:state`, inbox: `${tagged}:inbox`, links: `${tagged}:links` };
  }

  stored(realm: RealmName): string {
    return `${this.prefix}{r:${realm}}:stored`;
  }
}
