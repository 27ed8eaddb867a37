import type { NodeId } from '@causeway/protocol';
import type { Unavailable } from './node-ports.ts';

/** What each node tells of the present moment, for who looks: small texts that end by themselves. */
export interface Snapshots {
  /** Replaces the node's text; it ends `ttlMs` from now. */
  write(node: NodeId, text: string, ttlMs: number): Promise<{ kind: 'written' } | Unavailable>;
  /** The texts of all nodes that have not ended, in no order. One command. */
  read(): Promise<{ kind: 'snapshots'; texts: readonly string[] } | Unavailable>;
}
