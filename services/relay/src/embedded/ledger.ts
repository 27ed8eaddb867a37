import type { RealmName } from '@causeway/protocol';
import type { Ledger, LedgerDelta } from '../core/ports.ts';
import type { EmbeddedCluster } from './cluster.ts';

export class EmbeddedLedger implements Ledger {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async update(
    realm: RealmName,
    deltas: readonly LedgerDelta[],
    oldestSlice: number,
    keepMs: number,
  ): Promise<{ kind: 'updated'; bytes: number; expiredMessages: number; expiredBytes: number }> {
    const slices = this.slicesOf(realm, keepMs);
    for (const { slice, messages, bytes } of deltas) {
      if (slice < oldestSlice) continue;
      const held = slices.get(slice) ?? { messages: 0, bytes: 0 };
      slices.set(slice, { messages: held.messages + messages, bytes: held.bytes + bytes });
    }
    const reply = { kind: 'updated' as const, bytes: 0, expiredMessages: 0, expiredBytes: 0 };
    for (const [slice, { messages, bytes }] of slices) {
      // A slice below zero has lost an addition: it counts as 0.
      if (slice >= oldestSlice) {
        reply.bytes += Math.max(bytes, 0);
      } else {
        reply.expiredMessages += Math.max(messages, 0);
        reply.expiredBytes += Math.max(bytes, 0);
        slices.delete(slice);
      }
    }
    return reply;
  }

  private slicesOf(realm: RealmName, keepMs: number) {
    const now = this.cluster.now();
    const known = this.cluster.realms.get(realm);
    const account = known && known.keepUntil > now ? known : { slices: new Map(), keepUntil: 0 };
    account.keepUntil = now + keepMs;
    this.cluster.realms.set(realm, account);
    return account.slices;
  }
}
